"""Identity keys: they sign and are never used to encrypt.

1. An identity is an RSA key of 3072 to 4096 bits with exponent 65537, or an Ed25519 key; anything else is refused.
2. A public key has one spelling (PEM or DER SubjectPublicKeyInfo as we would write it); text before, after or between is refused.
3. RSA signs with PSS, SHA-256, MGF1-SHA-256 and a salt of exactly 32 bytes; Ed25519 signs as it does.
4. A private key is a PKCS#8 PEM file of mode 0600, never replaced and never read when others could read it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from podium.errors import ConfigError, TrustError
from podium.files import read_private, write_private

PublicKey = rsa.RSAPublicKey | Ed25519PublicKey
PrivateKey = rsa.RSAPrivateKey | Ed25519PrivateKey
MIN_BITS, MAX_BITS, EXPONENT = 3072, 4096, 65537
MAX_KEY_BYTES = 8192
_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)


def fingerprint(public: PublicKey) -> str:
    """Hex SHA-256 of the key's SubjectPublicKeyInfo in DER."""
    return hashlib.sha256(_der(public)).hexdigest()


def pretty(fp: str) -> str:
    """The first 160 bits of a fingerprint as eight groups of four letters, to be read out to each other."""
    letters = base64.b32encode(bytes.fromhex(fp)[:20]).decode()
    return " ".join(letters[i : i + 4] for i in range(0, 32, 4))


def load_public(data: bytes | str) -> PublicKey:
    """The identity key written in `data`, PEM or DER. Raises TrustError."""
    raw = data.encode() if isinstance(data, str) else data
    if len(raw) > MAX_KEY_BYTES:
        raise TrustError("the public key is too long.")
    is_pem = raw.lstrip().startswith(b"-----")
    try:
        public = serialization.load_pem_public_key(raw) if is_pem else serialization.load_der_public_key(raw)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise TrustError("not a public key.", remedy="Give a PEM or DER SubjectPublicKeyInfo.") from None
    checked = _allowed(public)
    same = public_pem(checked).split() == raw.decode("ascii", "replace").split() if is_pem else _der(checked) == raw
    if not same:
        raise TrustError("the public key is followed by, or spelled with, something else.", remedy="Give the key alone.")
    return checked


def public_pem(public: PublicKey) -> str:
    """The key as PEM text."""
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def verify(public: PublicKey, signature: bytes, data: bytes) -> None:
    """Return if `public` signed `data`. Raises TrustError."""
    try:
        if isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, data, _PSS, hashes.SHA256())
        else:
            public.verify(signature, data)
    except InvalidSignature:
        raise TrustError("the signature is not by this key.", code="signature") from None


@dataclass(frozen=True)
class RSAKeyPair:
    """An identity: a private key (RSA, or Ed25519) and its public half. Never shown, never sent."""

    private_key: PrivateKey = field(repr=False)
    public_key: PublicKey = field(repr=False)

    def __post_init__(self) -> None:
        _allowed(self.public_key)
        if _der(self.private_key.public_key()) != _der(self.public_key):
            raise TrustError("the two halves of the key do not belong together.")

    def __repr__(self) -> str:
        return f"RSAKeyPair({self.fingerprint})"

    @property
    def fingerprint(self) -> str:
        """Hex SHA-256 of the public half."""
        return fingerprint(self.public_key)

    @classmethod
    def generate(cls, bits: int = MIN_BITS, *, kind: Literal["rsa", "ed25519"] = "rsa") -> Self:
        """A fresh identity."""
        private: PrivateKey = Ed25519PrivateKey.generate() if kind == "ed25519" else rsa.generate_private_key(EXPONENT, bits)
        return cls(private, private.public_key())

    @classmethod
    def load(cls, path: Path) -> Self:
        """The identity kept in a private PEM file. Raises ConfigError when others may read it, TrustError when it is no such key."""
        if not path.is_file():
            raise ConfigError(f"there is no key file {path}.", field=path.name)
        try:
            private = serialization.load_pem_private_key(read_private(path), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise TrustError(f"{path} is not an unencrypted PKCS#8 PEM private key.") from None
        if not isinstance(private, rsa.RSAPrivateKey | Ed25519PrivateKey):
            raise TrustError(f"{path} is neither an RSA nor an Ed25519 key.")
        return cls(private, private.public_key())

    def save(self, path: Path) -> Path:
        """Write the private key to a new file of mode 0600. Raises FileExistsError rather than replace one."""
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        return write_private(path, self.private_key.private_bytes(encoding, form, serialization.NoEncryption()), exclusive=True)

    @classmethod
    def load_or_create(cls, path: Path) -> Self:
        """The identity at `path`, made on first use. Two processes that make it at once end with the same one."""
        if not path.exists():
            with contextlib.suppress(FileExistsError):  # another process was first: its key is the identity
                cls.generate().save(path)
        return cls.load(path)

    def sign(self, data: bytes) -> bytes:
        """A signature over `data`, by rule 3."""
        if isinstance(self.private_key, rsa.RSAPrivateKey):
            return self.private_key.sign(data, _PSS, hashes.SHA256())
        return self.private_key.sign(data)


def _der(public: PublicKey) -> bytes:
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _allowed(public: object) -> PublicKey:
    if isinstance(public, Ed25519PublicKey):
        return public
    if not isinstance(public, rsa.RSAPublicKey):
        raise TrustError("an identity key must be RSA or Ed25519.")
    if not MIN_BITS <= public.key_size <= MAX_BITS or public.public_numbers().e != EXPONENT:
        raise TrustError(f"an RSA identity must have {MIN_BITS} to {MAX_BITS} bits and exponent {EXPONENT}.")
    return public
