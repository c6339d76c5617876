"""Traffic is captured today and the key folder stolen later."""

from pathlib import Path

from attack_scene import BODY, NOW, Scene

from podium.crypto.encryption import DAY, KeyRing
from podium.crypto.keys import RSAKeyPair


def test_a_deleted_key_opens_nothing(scene: Scene, tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "ring", RSAKeyPair.generate(kind="ed25519"))
    old = ring.current(NOW)
    captured = scene.seal(recipient=old.public, exp=NOW + 7 * DAY)
    ring.rotate(NOW + 1)
    assert scene.open(captured, key_of=lambda fp: ring.private_for(fp, NOW + 6 * DAY), now=NOW + 6 * DAY).body == BODY
    late = NOW + 8 * DAY
    assert ring.private_for(old.fingerprint, late) is None
    assert scene.refusal(captured, key_of=lambda fp: ring.private_for(fp, late), run="thief") == "key_retired"
    import base64

    secret = base64.b64encode(old.private)
    assert all(secret not in path.read_bytes() for path in ring.folder.iterdir())
    assert KeyRing(ring.folder, ring.identity).private_for(old.fingerprint, NOW) is None
