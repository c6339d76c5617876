"""A header that two readers could read in two ways, or that says more than it should."""

import json
import struct

import pytest
from attack_scene import Scene

from podium.crypto.envelope import _LABEL, _to_sign, peek
from podium.errors import MessageRefused


def reframe(scene: Scene, raw: bytes, header: bytes) -> bytes:
    """The message with another header, signed anew: only the header rules can refuse it."""
    (old,) = struct.unpack_from(">I", raw, 5)
    at = 9 + old
    (length,) = struct.unpack_from(">I", raw, at)
    sealed = raw[at + 4 : at + 4 + length]
    parts = (header, sealed, scene.analyst.sign(_to_sign(header, sealed)))
    return raw[:5] + b"".join(struct.pack(">I", len(part)) + part for part in parts)


def header_of(raw: bytes) -> dict[str, object]:
    (length,) = struct.unpack_from(">I", raw, 5)
    return json.loads(raw[9 : 9 + length])


def test_the_header_has_these_fields_and_no_more(scene: Scene) -> None:
    assert sorted(header_of(scene.seal())) == sorted(
        ["v", "suite", "typ", "mid", "task", "run", "seq", "iat", "exp", "from", "from_key", "to", "to_key", "re", "reply_key", "blob"]
    )
    assert _LABEL != b""


def test_an_untouched_header_passes(scene: Scene) -> None:
    raw = scene.seal()
    assert (
        scene.refusal(reframe(scene, raw, json.dumps(header_of(raw), indent=1).encode())) == "body"
    )  # well formed, but not the sealed one


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2}, {"suite": 2}, {"suite": "1"}, {"typ": "gossip"}, {"seq": 0}, {"seq": 1.0}, {"seq": True}, {"iat": -1}, {"iat": 2**60},
        {"mid": "A" * 32}, {"mid": "../../etc/passwd"}, {"to": "demo/../x"}, {"to": "Demo/Clinic"}, {"to": "demo/clinic-a\n"},
        {"from": "a/b/c"}, {"from_": "ann"}, {"from_key": ""}, {"re": "x"}, {"run": "0" * 32}, {"reply_key": ""}, {"blob": "b"},
        {"question": "age"},
        {"to": ["demo/clinic-a"]}, {"task": None}, {"task": {"a": 1}},
    ],
    ids=str,
)  # fmt: skip
def test_a_field_out_of_shape_is_refused(scene: Scene, change: dict[str, object]) -> None:
    raw = scene.seal()
    broken = reframe(scene, raw, json.dumps({**header_of(raw), **change}).encode())
    assert scene.refusal(broken) == "header"
    with pytest.raises(MessageRefused):
        peek(broken)


def test_a_missing_field_is_refused(scene: Scene) -> None:
    raw = scene.seal()
    for name in header_of(raw):
        fields = {key: value for key, value in header_of(raw).items() if key != name}
        assert scene.refusal(reframe(scene, raw, json.dumps(fields).encode())) == "header", name


def test_duplicate_keys_nan_depth_and_size(scene: Scene) -> None:
    raw = scene.seal()
    text = json.dumps(header_of(raw))
    for loose in (
        text[:-1] + ', "to": "demo/clinic-b"}',
        text[:-1] + ', "to": "demo/clinic-a"}',
        text.replace('"seq": 1', '"seq": NaN'),
        text.replace('"seq": 1', '"seq": 1e0'),
        text.replace('"seq": 1', '"seq": ' + "[" * 2000 + "]" * 2000),
        text + " " * 4096,
        text + "{}",
        "\ufeff" + text,
        "[]",
        "",
    ):
        assert scene.refusal(reframe(scene, raw, loose.encode())) == "header"
    assert scene.refusal(reframe(scene, raw, b"\xff" + text.encode())) == "header"
