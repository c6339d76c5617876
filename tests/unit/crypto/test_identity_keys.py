from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from podium.crypto.keys import RSAKeyPair, fingerprint, load_public, pretty, public_pem, verify
from podium.errors import ConfigError, TrustError


@pytest.fixture(scope="module")
def rsa_pair() -> RSAKeyPair:
    return RSAKeyPair.generate()


@pytest.fixture(params=["rsa", "ed25519"])
def pair(request: pytest.FixtureRequest, rsa_pair: RSAKeyPair) -> RSAKeyPair:
    return rsa_pair if request.param == "rsa" else RSAKeyPair.generate(kind="ed25519")


def test_signs_and_verifies(pair: RSAKeyPair) -> None:
    signature = pair.sign(b"words")
    verify(pair.public_key, signature, b"words")
    with pytest.raises(TrustError):
        verify(pair.public_key, signature, b"other words")
    with pytest.raises(TrustError):
        verify(RSAKeyPair.generate(kind="ed25519").public_key, signature, b"words")


def test_rsa_signature_must_have_a_salt_of_32(rsa_pair: RSAKeyPair) -> None:
    for scheme in (padding.PSS(padding.MGF1(hashes.SHA256()), 20), padding.PKCS1v15()):
        assert isinstance(rsa_pair.private_key, rsa.RSAPrivateKey)
        with pytest.raises(TrustError):
            verify(rsa_pair.public_key, rsa_pair.private_key.sign(b"words", scheme, hashes.SHA256()), b"words")


def test_kept_on_disk_for_the_owner_alone(pair: RSAKeyPair, tmp_path: Path) -> None:
    path = pair.save(tmp_path / "keys" / "identity.pem")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert RSAKeyPair.load(path).fingerprint == pair.fingerprint
    with pytest.raises(FileExistsError):
        RSAKeyPair.generate(kind="ed25519").save(path)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        RSAKeyPair.load(path)


def test_made_on_first_use_and_kept(tmp_path: Path) -> None:
    first = RSAKeyPair.load_or_create(tmp_path / "identity.pem")
    assert RSAKeyPair.load_or_create(tmp_path / "identity.pem").fingerprint == first.fingerprint
    assert isinstance(first.public_key, rsa.RSAPublicKey)
    assert first.public_key.key_size == 3072


def test_public_key_has_one_spelling(pair: RSAKeyPair) -> None:
    pem = public_pem(pair.public_key)
    der = pair.public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    for spelled in (pem, pem.encode(), pem.replace("\n", "\r\n"), der):
        assert fingerprint(load_public(spelled)) == pair.fingerprint
    for loose in (pem + pem, pem + "hello", der + b"\0", der[:-1], b"", "hello", "x" * 10_000, f"hello\n{pem}"):
        with pytest.raises(TrustError):
            load_public(loose)


def test_weak_and_foreign_keys_are_refused() -> None:
    weak = rsa.generate_private_key(65537, 2048).public_key()
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    for public in (weak, curve):
        text = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        with pytest.raises(TrustError):
            load_public(text)
    with pytest.raises(TrustError):
        RSAKeyPair.generate(2048)


def test_halves_must_belong_together_and_secrets_stay_out_of_repr(pair: RSAKeyPair) -> None:
    with pytest.raises(TrustError):
        RSAKeyPair(pair.private_key, RSAKeyPair.generate(kind="ed25519").public_key)
    assert repr(pair) == f"RSAKeyPair({pair.fingerprint})"


def test_pretty_is_eight_groups_of_four() -> None:
    assert pretty("00" * 32) == " ".join(["AAAA"] * 8)
    assert pretty("ff" * 32) == " ".join(["7777"] * 8)


def test_another_der_spelling_of_the_same_rsa_key_is_refused(rsa_pair: RSAKeyPair) -> None:
    """Without the NULL parameters the key loads elsewhere, under another fingerprint of the same key."""
    der = rsa_pair.public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    with_null, without = bytes.fromhex("300d06092a864886f70d0101010500"), bytes.fromhex("300b06092a864886f70d010101")
    inner = der[4:].replace(with_null, without)
    spelled = b"\x30\x82" + len(inner).to_bytes(2, "big") + inner
    serialization.load_der_public_key(spelled)
    with pytest.raises(TrustError):
        load_public(spelled)
