"""One-shot HPKE (RFC 9180, base mode) with X25519, HKDF-SHA256 and AES-256-GCM: suite 1 of the envelope.

The output is the 32-byte encapsulated key, then the ciphertext. Nothing is authenticated but `info`; the sender is told by the
signature around it.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

SUITE_1 = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def encrypt(plain: bytes, *, public: bytes, info: bytes, suite: Suite = SUITE_1) -> bytes:
    """Encrypt to a raw X25519 public key. Raises ValueError for a key that no one can hold (such as all zeros)."""
    return suite.encrypt(plain, X25519PublicKey.from_public_bytes(public), info)


def decrypt(sealed: bytes, *, private: bytes, info: bytes, suite: Suite = SUITE_1) -> bytes:
    """What was encrypted to this key under this `info`. Raises ValueError for anything else."""
    try:
        return suite.decrypt(sealed, X25519PrivateKey.from_private_bytes(private), info)
    except InvalidTag:
        raise ValueError("not encrypted to this key") from None
