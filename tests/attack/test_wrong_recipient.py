"""A message to one pod is carried to another, or its reader or writer is swapped."""

import json
import struct

from attack_scene import BODY, Scene

from podium.crypto.encryption import EncryptionKey
from podium.crypto.envelope import peek
from podium.crypto.keys import RSAKeyPair


def readdress(raw: bytes, **fields: object) -> bytes:
    (length,) = struct.unpack_from(">I", raw, 5)
    header = json.dumps({**json.loads(raw[9 : 9 + length]), **fields}).encode()
    return raw[:5] + struct.pack(">I", len(header)) + header + raw[9 + length :]


def test_carried_unchanged_to_another_pod(scene: Scene) -> None:
    assert scene.refusal(scene.seal(), me="demo/clinic-b") == "recipient"


def test_readdressed_by_the_hub(scene: Scene) -> None:
    moved = readdress(scene.seal(), to="demo/clinic-b")
    assert peek(moved).to == "demo/clinic-b"
    assert scene.refusal(moved, me="demo/clinic-b") == "signature"


def test_a_reader_cannot_forward_it_as_the_writers_word_to_another(scene: Scene) -> None:
    """Opened by A, sealed again to B: only the stranger's own signature can be under it."""
    forwarded = scene.seal(identity=scene.stranger)
    assert scene.refusal(forwarded) == "unknown_sender"
    claimed = readdress(forwarded, from_key=scene.analyst.fingerprint)
    assert scene.refusal(claimed) == "signature"


def test_sealed_to_a_key_that_the_hub_slipped_in(scene: Scene) -> None:
    hubs = EncryptionKey.generate()
    assert scene.refusal(scene.seal(recipient=hubs.public)) == "key_retired"


def test_another_key_under_the_right_fingerprint(scene: Scene) -> None:
    other = EncryptionKey.generate()
    assert scene.refusal(scene.seal(), key_of=lambda _: other) == "key_retired"


def test_an_identity_book_that_answers_with_another_key(scene: Scene) -> None:
    other = RSAKeyPair.generate(kind="ed25519")
    raw = scene.seal(identity=other)
    assert scene.refusal(raw, identity_of=lambda _: scene.analyst.public_key) == "unknown_sender"


def test_a_body_swapped_between_two_messages_of_one_writer(scene: Scene) -> None:
    one, two = scene.seal(), scene.seal(body=b"{}")
    (length,) = struct.unpack_from(">I", one, 5)
    (other,) = struct.unpack_from(">I", two, 5)
    assert scene.refusal(one[: 9 + length] + two[9 + other :]) == "signature"


def test_the_hub_reads_no_canary(scene: Scene) -> None:
    assert b"canary" not in scene.seal()
    assert scene.open(scene.seal()).body == BODY
