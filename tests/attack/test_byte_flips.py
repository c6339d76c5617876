"""Whoever carries a message changes a byte of it: the reader never acts on the result."""

import random

import pytest
from attack_scene import BODY, Scene

from podium.errors import MessageRefused


def test_any_flipped_byte_is_refused(scene: Scene) -> None:
    raw = scene.seal()
    assert scene.open(raw, run="first").body == BODY
    chosen = random.Random(1).sample(range(len(raw)), min(len(raw), 700))
    for at in chosen:
        broken = bytearray(raw)
        broken[at] ^= 1 << (at % 8)
        with pytest.raises(MessageRefused) as caught:
            scene.open(bytes(broken), run="first")
        assert caught.value.rule in {"frame", "header", "unknown_sender", "signature"}, f"byte {at}"


def test_a_flip_leaves_no_trace_in_the_replay_store(scene: Scene) -> None:
    raw = scene.seal()
    broken = raw[:-1] + bytes([raw[-1] ^ 1])
    assert scene.refusal(broken) == "signature"
    assert scene.open(raw, run="another").body == BODY
