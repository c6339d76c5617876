"""A worker's answers about parts are held to their own figures: none that does not add up reaches the history."""

import json
import struct

import pytest

from podium.contracts import Outcome, Part, PartReport, Survey
from podium.errors import WorkerError
from podium.workers.answers import BINARY, checked_report, checked_survey

COUNTS = {"rows": 10, "new": 1, "changed": 1, "unchanged": 6, "quarantined": 2, "used": 2}
KEYS = [bytes([n]) * 16 for n in range(4)]
OUTCOMES = bytes([Outcome.DONE, Outcome.QUARANTINED, Outcome.MOVED, Outcome.DONE])
RIGHT = {
    "keys": b"".join(KEYS),
    "fingerprints": bytes(64),
    "outcomes": OUTCOMES,
    "reasons": b"\0",
    "unseen": bytes(16),
    "digest": bytes(16),
    "results": b"",
}
NUMBERS = struct.pack("<2d", 0.5, float("nan"))


def check(counts=None, *, state=b'{"a": 1}', digests=True, new_only=True, wanted=False, **binary):
    asked = {"digests": digests, "new_only": new_only, "results": wanted}
    said = {**COUNTS, "rules": ("le: v",), "failures": {"le: v": 1}, **(counts or {})}
    return checked_report(PartReport(**said), [*({**RIGHT, **binary}[name] for name in BINARY), state], **asked)


def test_what_adds_up_is_taken():
    report = check()
    assert (report.keys, report.reasons, report.state) == (RIGHT["keys"], b"\0", {"a": 1})
    assert check({"used": 8}, new_only=False, state=b"").state is None
    assert check(results=NUMBERS, wanted=True).results == NUMBERS
    assert check(state=b"", wanted=True).results == b""  # a broken rule about the whole: there is nothing to give
    nothing = {**dict.fromkeys(BINARY, b""), "digest": bytes(16)}
    assert check(digests=False, **nothing).new == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"counts": {"rows": 11}},
        {"counts": {"used": 8}},
        {"counts": {"new": 2, "unchanged": 5, "used": 3}},
        {"counts": {"unchanged": 0, "rows": 4}},
        {"counts": {"quarantined": 0, "rows": 8}},
        {"counts": {"rules": ()}},
        {"counts": {"rules": ("le\nv",)}},
        {"counts": {"failures": {"le: v": 0}}},
        {"counts": {"keys": b"x"}},
        {"keys": RIGHT["keys"][:-1]},
        {"keys": b"".join([KEYS[1], KEYS[0], *KEYS[2:]])},
        {"keys": b"".join([KEYS[0], KEYS[0], *KEYS[2:]])},
        {"fingerprints": bytes(48)},
        {"outcomes": OUTCOMES[:3] + bytes([Outcome.GONE])},
        {"outcomes": OUTCOMES[:3] + b"\7"},
        {"reasons": b""},
        {"reasons": b"\1"},
        {"unseen": bytes(15)},
        {"results": NUMBERS},
        {"wanted": True},
        {"wanted": True, "results": NUMBERS[:-1]},
        {"wanted": True, "results": NUMBERS[:8]},
        {"wanted": True, "results": NUMBERS + bytes(8)},
        {"wanted": True, "results": NUMBERS, "state": b""},
        {"wanted": True, "results": struct.pack("<2d", 0.5, float("inf"))},
        {"digest": b""},
        {"digest": bytes(17)},
        {"digests": False},
        {"new_only": False},
        {"state": b"[]"},
        {"state": b"{"},
    ],
    ids=lambda wrong: json.dumps(wrong, default=lambda value: f"{len(value)} bytes, last {value[-1:].hex()}"),
)
def test_what_does_not_is_nonsense(wrong):
    with pytest.raises(WorkerError) as caught:
        check(**wrong)
    assert caught.value.code == "worker_nonsense"


def test_a_survey_names_each_part_once():
    part = Part(id="a", token="t")
    assert checked_survey(Survey(token="t", parts=(part,))).parts == (part,)
    for wrong in ({"parts": (part, part)}, {"parts": (part,), "same": True}, {"token": ""}, {"parts": (Part(id="a" * 5000, token="t"),)}):
        with pytest.raises(WorkerError):
            checked_survey(Survey(**{"token": "t", **wrong}))
