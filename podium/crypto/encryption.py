"""Encryption subkeys: short-lived X25519 keys that an identity vouches for.

1. Others learn a subkey from a statement signed by the identity; it is good from `not_before` to `not_after`, at most 30 days.
2. A pod makes a new subkey every 14 days. The old private key opens messages for their longest life (7 days) more, then it is
   deleted, so that captured traffic cannot be opened with what is left on the disk.
3. Private subkeys are files of mode 0600.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pydantic import Field

from podium.contracts import canonical
from podium.crypto.header import CLOCK_SKEW, MAX_LIFE
from podium.crypto.keys import PublicKey, RSAKeyPair, fingerprint, verify
from podium.errors import TrustError
from podium.files import private_folder, read_private, write_private
from podium.plugin import Frozen

DAY = 86_400
VALID, ROTATE = 30 * DAY, 14 * DAY
_LABEL = b"podkey/1\n"


@dataclass(frozen=True)
class EncryptionKey:
    """A raw X25519 key pair."""

    private: bytes = field(repr=False)
    public: bytes

    @classmethod
    def generate(cls) -> Self:
        """A fresh pair."""
        return cls.from_private(X25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def from_private(cls, private: bytes) -> Self:
        """The pair of a raw private key."""
        return cls(private, X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw())

    @property
    def fingerprint(self) -> str:
        """Hex SHA-256 of the raw public key."""
        return key_fingerprint(self.public)


def key_fingerprint(public: bytes) -> str:
    """Hex SHA-256 of a raw X25519 public key."""
    return hashlib.sha256(public).hexdigest()


def decode_public(text: str) -> bytes:
    """The raw X25519 public key written in base64. Raises TrustError."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32 or encode_public(raw) != text:
        raise TrustError("not a raw X25519 public key in base64.")
    return raw


def encode_public(public: bytes) -> str:
    """A raw public key as base64 text."""
    return base64.b64encode(public).decode()


class KeyStatement(Frozen):
    """An identity's word that `public` is its encryption key for a while. `prev` is the fingerprint of the one before."""

    v: Literal[1] = 1
    identity: str
    suite: Literal[1] = 1
    public: str
    not_before: int = Field(ge=0)
    not_after: int
    prev: str = ""
    signature: str

    @property
    def public_bytes(self) -> bytes:
        """The raw X25519 public key. Raises TrustError."""
        return decode_public(self.public)

    def check(self, identity_public: PublicKey, now: int) -> None:
        """Return if this identity signed the statement and it holds at `now`. Raises TrustError."""
        if fingerprint(identity_public) != self.identity:
            raise TrustError("the key statement is by another identity.")
        try:
            signature = base64.b64decode(self.signature, validate=True)
        except (binascii.Error, ValueError):
            signature = b""
        verify(identity_public, signature, _signed(self))
        self.public_bytes  # noqa: B018 - its form is checked by reading it
        if not 0 < self.not_after - self.not_before <= VALID:
            raise TrustError("the key statement holds for too long.")
        if not self.not_before - CLOCK_SKEW <= now < self.not_after:
            raise TrustError("the key statement has expired, or does not hold yet.", remedy="The pod must publish a new one.")


class _Kept(Frozen):
    """One private subkey as it lies in its file; `retired` is when the next one took over, 0 until then."""

    v: Literal[1] = 1
    private: str
    not_before: int
    not_after: int
    prev: str = ""
    retired: int = 0

    @property
    def key(self) -> EncryptionKey:
        return EncryptionKey.from_private(base64.b64decode(self.private))

    @property
    def end(self) -> int:
        """When the last message that could have been sealed to it has expired."""
        return (self.retired or self.not_after) + MAX_LIFE + 2 * CLOCK_SKEW


class KeyRing:
    """The encryption subkeys of one identity, kept in one folder."""

    def __init__(self, folder: Path, identity: RSAKeyPair) -> None:
        self.folder, self.identity = folder, identity

    def current(self, now: int) -> EncryptionKey:
        """The key to publish; made where there is none or the newest has expired."""
        return self._newest(now).key

    def due(self, now: int) -> bool:
        """Whether the current key is old enough to rotate."""
        return now >= self._newest(now).not_before + ROTATE

    def rotate(self, now: int) -> EncryptionKey:
        """Make a new current key, retire the old ones and delete those past their life."""
        self.prune(now)
        kept = sorted(self._all(), key=lambda item: item.not_before)
        fresh = EncryptionKey.generate()
        prev = kept[-1].key.fingerprint if kept else ""
        # The new key is on disk before an old one is marked: a crash in between leaves two good keys, never none.
        self._write(_Kept(private=base64.b64encode(fresh.private).decode(), not_before=now, not_after=now + VALID, prev=prev))
        for item in kept:
            if not item.retired:
                self._write(item.model_copy(update={"retired": now}))
        return fresh

    def statement(self, now: int) -> KeyStatement:
        """The signed statement of the current key."""
        kept = self._newest(now)
        unsigned = KeyStatement(
            identity=self.identity.fingerprint,
            public=encode_public(kept.key.public),
            not_before=kept.not_before,
            not_after=kept.not_after,
            prev=kept.prev,
            signature="",
        )
        signature = base64.b64encode(self.identity.sign(_signed(unsigned))).decode()
        return unsigned.model_copy(update={"signature": signature})

    def private_for(self, fp: str, now: int | None = None) -> EncryptionKey | None:
        """The key with that fingerprint, or None when there is none or its life is over (it is deleted then)."""
        self.prune(int(time.time()) if now is None else now)
        return next((item.key for item in self._all() if item.key.fingerprint == fp), None)

    def prune(self, now: int) -> None:
        """Delete the keys whose last message has expired."""
        for item in self._all():
            if now >= item.end:
                self._path(item).unlink(missing_ok=True)

    def _newest(self, now: int) -> _Kept:
        alive = [item for item in self._all() if not item.retired and now < item.not_after]
        if not alive:
            self.rotate(now)
            alive = [item for item in self._all() if not item.retired]
        return max(alive, key=lambda item: (item.not_before, item.private))

    def _all(self) -> list[_Kept]:
        return [_Kept.model_validate_json(read_private(path)) for path in private_folder(self.folder).glob("*.json")]

    def _path(self, item: _Kept) -> Path:
        return self.folder / f"{item.key.fingerprint}.json"

    def _write(self, item: _Kept) -> None:
        write_private(self._path(item), json.dumps(item.model_dump()))


def _signed(statement: KeyStatement) -> bytes:
    return _LABEL + canonical(statement.model_dump(mode="json", exclude={"signature"}))
