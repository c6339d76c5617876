"""A message cut short, grown or padded is not the message that was signed."""

import struct

import pytest
from attack_scene import BODY, Scene

from podium.crypto.envelope import MAX_MESSAGE, peek
from podium.errors import MessageRefused


def test_every_truncation_is_refused(scene: Scene) -> None:
    raw = scene.seal()
    for length in range(len(raw)):
        assert scene.refusal(raw[:length]) == "frame"


@pytest.mark.parametrize("tail", [b"\0", b"\n", b"PODM\x01"])
def test_trailing_bytes_are_refused_by_reader_and_hub(scene: Scene, tail: bytes) -> None:
    raw = scene.seal() + tail
    assert scene.refusal(raw) == "frame"
    with pytest.raises(MessageRefused, match="frame"):
        peek(raw)


def test_lengths_that_promise_more_than_there_is(scene: Scene) -> None:
    raw = scene.seal()
    assert scene.refusal(raw[:5] + struct.pack(">I", 0xFFFFFFFF) + raw[9:]) == "frame"


def test_a_body_moved_into_the_signature_field(scene: Scene) -> None:
    raw = scene.seal()
    (header_length,) = struct.unpack_from(">I", raw, 5)
    at = 9 + header_length
    (sealed_length,) = struct.unpack_from(">I", raw, at)
    (signature_length,) = struct.unpack_from(">I", raw, at + 4 + sealed_length)
    sealed = raw[at + 4 : at + 4 + sealed_length]
    shifted = raw[:at] + struct.pack(">I", sealed_length - 1) + sealed[:-1]
    shifted += struct.pack(">I", signature_length + 1) + sealed[-1:] + raw[at + 8 + sealed_length :]
    assert len(shifted) == len(raw)
    assert scene.refusal(shifted) == "signature"


def test_too_large_is_refused_before_anything_is_read(scene: Scene) -> None:
    assert scene.refusal(b"x" * (MAX_MESSAGE + 1)) == "too_large"
    with pytest.raises(MessageRefused) as caught:
        scene.seal(body=b"x" * MAX_MESSAGE)
    assert caught.value.rule == "too_large"
    assert scene.open(scene.seal(body=BODY.ljust(200 * 1024))).body.startswith(BODY)
