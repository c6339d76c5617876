"""The RFC's own vectors, run through our one-shot functions.

The published ciphertexts carry associated data ("Count-0"), which a one-shot message has none of. So the test brings its own small
reading of RFC 9180, shows that it reproduces the published keys and opens the published ciphertexts, and then sets it against ours in
both directions, under the vectors' recipient keys, `info` and encapsulated keys.
"""

import hmac
import json
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from podium.crypto import hpke

BASE, X25519, HKDF_SHA256 = 0, 32, 1
SUITES = {1: AEAD.AES_128_GCM, 2: AEAD.AES_256_GCM, 3: AEAD.CHACHA20_POLY1305}
KEY_BYTES = {1: 16, 2: 32, 3: 32}
CIPHERS: dict[int, Any] = {1: AESGCM, 2: AESGCM, 3: ChaCha20Poly1305}


def vectors() -> list[dict[str, Any]]:
    path = Path(cryptography_vectors.__path__[0]) / "HPKE" / "test-vectors.json"
    every = json.loads(path.read_bytes())
    return [v for v in every if (v["mode"], v["kem_id"], v["kdf_id"]) == (BASE, X25519, HKDF_SHA256) and v["aead_id"] in SUITES]


VECTORS = vectors()


def extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt, b"HPKE-v1" + suite + label + ikm, "sha256")


def expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    out = block = b""
    for counter in range(1, 256):
        if len(out) >= length:
            break
        block = hmac.digest(prk, block + labelled + bytes([counter]), "sha256")
        out += block
    return out[:length]


def key_and_nonce(enc: bytes, private: bytes, info: bytes, aead: int) -> tuple[bytes, bytes]:
    """RFC 9180 §4.1 (DHKEM) and §5.1 (key schedule, base mode)."""
    secret = X25519PrivateKey.from_private_bytes(private)
    public = secret.public_key().public_bytes_raw()
    kem = b"KEM" + (32).to_bytes(2, "big")
    dh = secret.exchange(X25519PublicKey.from_public_bytes(enc))
    shared = expand(kem, extract(kem, b"", b"eae_prk", dh), b"shared_secret", enc + public, 32)
    suite = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (32, 1, aead))
    context = b"\0" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", info)
    prk = extract(suite, shared, b"secret", b"")
    return expand(suite, prk, b"key", context, KEY_BYTES[aead]), expand(suite, prk, b"base_nonce", context, 12)


def unhex(vector: dict[str, Any], *names: str) -> list[bytes]:
    return [bytes.fromhex(vector[name]) for name in names]


def test_there_are_vectors_for_our_own_suite() -> None:
    assert {v["aead_id"] for v in VECTORS} == {1, 2, 3}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"aead{v['aead_id']}")
def test_the_reading_here_is_the_rfcs(vector: dict[str, Any]) -> None:
    enc, private, info, key, nonce = unhex(vector, "enc", "skRm", "info", "key", "base_nonce")
    assert key_and_nonce(enc, private, info, vector["aead_id"]) == (key, nonce)
    first = vector["encryptions"][0]
    aad, sealed, plain = unhex(first, "aad", "ct", "pt")
    assert CIPHERS[vector["aead_id"]](key).decrypt(nonce, sealed, aad) == plain


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"aead{v['aead_id']}")
def test_we_open_what_the_rfcs_key_and_nonce_seal(vector: dict[str, Any]) -> None:
    enc, private, info, key, nonce = unhex(vector, "enc", "skRm", "info", "key", "base_nonce")
    (plain,) = unhex(vector["encryptions"][0], "pt")
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, SUITES[vector["aead_id"]])
    sealed = enc + CIPHERS[vector["aead_id"]](key).encrypt(nonce, plain, None)
    assert hpke.decrypt(sealed, private=private, info=info, suite=suite) == plain
    for wrong in (
        {"sealed": sealed[:-1] + bytes([sealed[-1] ^ 1])},
        {"info": info + b"!"},
        {"private": bytes(31) + b"\1"},
        {"sealed": b""},
        {"sealed": bytes(len(sealed))},
    ):
        arguments = {"sealed": sealed, "private": private, "info": info, **wrong}
        with pytest.raises(ValueError, match=r"."):
            hpke.decrypt(arguments["sealed"], private=arguments["private"], info=arguments["info"], suite=suite)


def test_the_rfcs_reader_opens_what_we_seal() -> None:
    """The default suite, to the recipient key of its vector."""
    vector = next(v for v in VECTORS if v["aead_id"] == 2)
    public, private, info = unhex(vector, "pkRm", "skRm", "info")
    sealed = hpke.encrypt(b"a question", public=public, info=info)
    key, nonce = key_and_nonce(sealed[:32], private, info, 2)
    assert AESGCM(key).decrypt(nonce, sealed[32:], None) == b"a question"
    assert len(sealed) == 32 + len(b"a question") + 16


def test_a_key_that_no_one_holds_is_refused() -> None:
    with pytest.raises(ValueError, match=r"."):
        hpke.encrypt(b"x", public=bytes(32), info=b"")
