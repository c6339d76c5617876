"""The pod's secret for datapoint identities: 32 random bytes, one derived key a datasource. Without it a digest says nothing."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from podium.files import read_private, write_private


def pod_secret(path: Path) -> bytes:
    """The 32 bytes kept in `path`, made on first use."""
    if not path.exists():
        with contextlib.suppress(FileExistsError):
            write_private(path, secrets.token_bytes(32), exclusive=True)
    return read_private(path)


def datasource_secret(secret: bytes, datasource: str) -> bytes:
    """32 bytes for one datasource: HKDF-SHA256 (RFC 5869) of the pod's secret."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"podium-datapoint/1\n" + datasource.encode()).derive(secret)
