"""A lying hub offers another key for a pod or an analyst."""

from pathlib import Path

import pytest
from attack_scene import NOW, Scene

from podium.crypto.encryption import DAY, EncryptionKey, KeyRing, encode_public
from podium.crypto.keys import RSAKeyPair
from podium.crypto.trust import TrustStore
from podium.errors import ConfigError, TrustError


@pytest.fixture
def pod(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "ring", RSAKeyPair.generate(kind="ed25519"))


def test_a_statement_holds_only_under_its_own_identity(pod: KeyRing) -> None:
    statement = pod.statement(NOW)
    statement.check(pod.identity.public_key, NOW)
    with pytest.raises(TrustError):
        statement.check(RSAKeyPair.generate(kind="ed25519").public_key, NOW)


@pytest.mark.parametrize("field", ["public", "not_before", "not_after", "prev", "identity", "signature"])
def test_a_statement_changed_in_any_field_is_refused(pod: KeyRing, field: str) -> None:
    statement = pod.statement(NOW)
    forged = {
        "public": encode_public(EncryptionKey.generate().public),
        "not_before": NOW - 1,
        "not_after": statement.not_after - 1,
        "prev": "00" * 32,
        "identity": "00" * 32,
        "signature": "",
    }
    with pytest.raises(TrustError):
        statement.model_copy(update={field: forged[field]}).check(pod.identity.public_key, NOW)


def test_a_statement_out_of_its_time_is_refused(pod: KeyRing) -> None:
    statement = pod.statement(NOW)
    for when in (NOW - 301, NOW + 30 * DAY, NOW + 365 * DAY):
        with pytest.raises(TrustError, match="expired"):
            statement.check(pod.identity.public_key, when)


def test_a_statement_that_claims_a_year_is_refused_though_well_signed(pod: KeyRing) -> None:
    import base64

    from podium.crypto.encryption import _signed

    long = pod.statement(NOW).model_copy(update={"not_after": NOW + 365 * DAY})
    signed = long.model_copy(update={"signature": base64.b64encode(pod.identity.sign(_signed(long))).decode()})
    with pytest.raises(TrustError, match="too long"):
        signed.check(pod.identity.public_key, NOW)


def test_first_use_is_kept_and_a_change_blocks_until_pinned(tmp_path: Path) -> None:
    one, two = "11" * 32, "22" * 32
    TrustStore(tmp_path / "trust.json", "tofu").check("demo/clinic-a", one)
    again = TrustStore(tmp_path / "trust.json", "tofu")
    again.check("demo/clinic-a", one)
    with pytest.raises(TrustError, match="not the one") as caught:
        again.check("demo/clinic-a", two)
    assert caught.value.code == "key_changed"
    assert two in caught.value.remedy
    again.check("demo/clinic-a", one)
    again.pin("demo/clinic-a", two)
    again.check("demo/clinic-a", two)
    with pytest.raises(TrustError):
        again.check("demo/clinic-a", one)


def test_pinned_mode_takes_no_first_key(tmp_path: Path) -> None:
    store = TrustStore(tmp_path / "trust.json")
    with pytest.raises(TrustError) as caught:
        store.check("ann", "11" * 32)
    assert caught.value.code == "key_unknown"
    assert store.list() == {}
    store.pin("ann", "11" * 32)
    store.check("ann", "11" * 32)
    store.forget("ann")
    with pytest.raises(TrustError):
        store.check("ann", "11" * 32)


def test_hub_mode_warns_and_keeps_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = TrustStore(tmp_path / "trust.json", "hub")
    store.check("ann", "11" * 32)
    assert "hub's word" in caplog.text
    assert store.list() == {}


def test_a_trust_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    store = TrustStore(tmp_path / "trust.json", "tofu")
    store.check("ann", "11" * 32)
    assert store.path.stat().st_mode & 0o777 == 0o600
    store.path.chmod(0o644)
    with pytest.raises(ConfigError):
        store.check("ann", "11" * 32)


def test_first_contact_with_a_swapped_analyst_key_cannot_open_old_messages(scene: Scene, tmp_path: Path) -> None:
    store = TrustStore(tmp_path / "trust.json", "tofu")
    store.check("ann", scene.analyst.fingerprint)

    def identity_of(fp: str) -> object:
        store.check("ann", fp)
        return {key.fingerprint: key.public_key for key in (scene.analyst, scene.stranger)}[fp]

    assert scene.open(scene.seal(), identity_of=identity_of)
    assert scene.refusal(scene.seal(identity=scene.stranger), identity_of=identity_of) == "unknown_sender"
