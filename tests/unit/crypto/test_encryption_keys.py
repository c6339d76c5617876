from pathlib import Path

import pytest

from podium.crypto.encryption import DAY, EncryptionKey, KeyRing, decode_public, encode_public
from podium.crypto.keys import RSAKeyPair
from podium.errors import TrustError

NOW = 1_900_000_000


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "encryption", RSAKeyPair.generate(kind="ed25519"))


def test_current_is_made_once_and_kept(ring: KeyRing) -> None:
    first = ring.current(NOW)
    assert KeyRing(ring.folder, ring.identity).current(NOW + 29 * DAY) == first
    assert [path.stat().st_mode & 0o777 for path in ring.folder.glob("*.json")] == [0o600]
    assert first.private not in repr(first).encode("latin1", "replace")


def test_an_expired_key_is_replaced(ring: KeyRing) -> None:
    first = ring.current(NOW)
    later = NOW + 30 * DAY
    assert ring.current(later) != first
    ring.statement(later).check(ring.identity.public_key, later)


def test_rotation_names_the_previous_and_keeps_it_for_a_week(ring: KeyRing) -> None:
    first = ring.current(NOW)
    assert not ring.due(NOW + 14 * DAY - 1)
    assert ring.due(NOW + 14 * DAY)
    second = ring.rotate(NOW + 14 * DAY)
    assert ring.current(NOW + 14 * DAY) == second
    statement = ring.statement(NOW + 14 * DAY)
    assert (statement.prev, statement.public_bytes) == (first.fingerprint, second.public)
    assert ring.private_for(first.fingerprint, NOW + 21 * DAY) == first
    assert ring.private_for(first.fingerprint, NOW + 21 * DAY + 600) is None
    assert ring.private_for(second.fingerprint, NOW + 21 * DAY + 600) == second
    assert ring.private_for("00" * 32, NOW) is None


def test_a_key_opens_what_was_sealed_to_it_in_its_last_second(ring: KeyRing) -> None:
    key = ring.current(NOW)
    last = NOW + 30 * DAY - 1
    ring.rotate(last + 1)
    assert ring.private_for(key.fingerprint, last + 7 * DAY) == key


def test_public_keys_are_read_strictly() -> None:
    public = EncryptionKey.generate().public
    assert decode_public(encode_public(public)) == public
    for loose in ("", "AAAA", encode_public(public) + "\n", encode_public(public)[:-1], "é" * 44, encode_public(public + b"\0")):
        with pytest.raises(TrustError):
            decode_public(loose)
