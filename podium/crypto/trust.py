"""Which identity key belongs to which name, as this machine's owner has accepted it.

1. `pinned`: only a key that a person has pinned is accepted.
2. `tofu`: the first key seen under a name is kept; from then on another one is refused until a person pins it.
3. `hub`: whatever the hub says is accepted, with a warning; nothing is kept. For the demo only.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

from podium.crypto.keys import pretty
from podium.errors import ConfigError, TrustError
from podium.files import private_folder, read_private, write_private

Mode = Literal["pinned", "tofu", "hub"]
_log = logging.getLogger(__name__)


class TrustStore:
    """Accepted fingerprints by name, in one JSON file of mode 0600. Several processes may use it at once."""

    def __init__(self, path: Path, mode: Mode = "pinned") -> None:
        if mode not in get_args(Mode):
            raise ConfigError(f"must be one of {', '.join(get_args(Mode))}.", field="trust")
        self.path, self.mode = path, mode

    def check(self, name: str, fingerprint: str) -> None:
        """Return if `fingerprint` is accepted for `name`. Raises TrustError when it is unknown or has changed."""
        if self.mode == "hub":
            _log.warning("The key of %s is taken on the hub's word alone (trust: hub). Never use this with real data.", name)
            return
        with self._locked():
            kept = self._read()
            known = kept.get(name)
            if known == fingerprint:
                return
            if known is None and self.mode == "tofu":
                self._write({**kept, name: fingerprint})
                return
        remedy = (
            f"Ask its owner, by another way than the hub, whether its fingerprint reads {pretty(fingerprint)}; only then accept it: "
            f"podium keys trust {name} {fingerprint}"
        )
        if known is None:
            raise TrustError(f"the key of {name} is not known here.", field="trust", remedy=remedy, code="key_unknown")
        raise TrustError(f"the key of {name} is not the one that was accepted before.", field="trust", remedy=remedy, code="key_changed")

    def pin(self, name: str, fingerprint: str) -> None:
        """Accept this key for this name from now on, in place of any other."""
        if not re.fullmatch("[0-9a-f]{64}", fingerprint):
            remedy = "Its owner reads it with: podium keys show"
            raise ConfigError("a fingerprint is 64 characters of 0-9 and a-f.", field="fingerprint", remedy=remedy)
        with self._locked():
            self._write({**self._read(), name: fingerprint})

    def list(self) -> dict[str, str]:
        """Every accepted fingerprint by name, sorted."""
        return dict(sorted(self._read().items()))

    def forget(self, name: str) -> None:
        """Drop what is known of this name."""
        with self._locked():
            self._write({key: value for key, value in self._read().items() if key != name})

    def _read(self) -> dict[str, str]:
        if not self.path.exists():
            return {}
        kept: dict[str, str] = json.loads(read_private(self.path))
        return kept

    def _write(self, kept: dict[str, str]) -> None:
        write_private(self.path, json.dumps(kept, indent=1, sort_keys=True))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        private_folder(self.path.parent)
        handle = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
