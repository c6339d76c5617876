"""The hub delivers twice, out of order, or an answer to something never asked."""

from attack_scene import BODY, NOW, Scene

from podium.crypto.envelope import new_id
from podium.crypto.replay import KEEP_AFTER_EXPIRY, MAX_GAP


def test_the_same_message_twice(scene: Scene) -> None:
    raw = scene.seal()
    assert scene.open(raw, run="one").body == BODY
    assert scene.refusal(raw, run="two") == "replay"


def test_a_restarted_run_may_open_its_own_message_again(scene: Scene) -> None:
    raw = scene.seal()
    scene.open(raw, run="one")
    assert scene.open(raw, run="one").body == BODY


def test_messages_of_one_task_out_of_order(scene: Scene) -> None:
    task = new_id()
    first, second, third = (scene.seal(task=task, seq=seq) for seq in (1, 2, 3))
    scene.open(second, run="2")
    assert scene.refusal(first, run="1") == "sequence"
    assert scene.open(third, run="3").header.seq == 3
    assert scene.refusal(scene.seal(task=task, seq=3), run="4") == "sequence"


def test_sequence_may_not_leap_and_tasks_do_not_mix(scene: Scene) -> None:
    assert scene.refusal(scene.seal(seq=MAX_GAP + 1)) == "sequence"
    assert scene.open(scene.seal(seq=MAX_GAP)).header.seq == MAX_GAP
    assert scene.open(scene.seal(seq=1), run="other task").header.seq == 1


def test_a_stranger_cannot_use_up_a_message_id(scene: Scene) -> None:
    mid = new_id()
    assert scene.refusal(scene.seal(mid=mid, identity=scene.stranger)) == "unknown_sender"
    assert scene.open(scene.seal(mid=mid)).header.mid == mid


def test_a_message_that_the_clock_refuses_is_not_claimed(scene: Scene) -> None:
    raw = scene.seal(iat=NOW + 1000, exp=NOW + 2000)
    assert scene.refusal(raw, run="early") == "clock"
    assert scene.open(raw, run="later", now=NOW + 1000).body == BODY


def test_an_answer_needs_an_open_exchange(scene: Scene) -> None:
    re = f"{new_id()}.{'ab' * 32}"
    fields = {"typ": "result", "run": new_id(), "re": re, "reply_key": ""}
    assert scene.refusal(scene.seal(**fields)) == "reply_to"
    assert scene.refusal(scene.seal(**fields), exchange=lambda header: header.re == "") == "reply_to"
    assert scene.open(scene.seal(**fields), exchange=lambda header: header.re == re).header.re == re


def test_claims_outlive_the_message(scene: Scene) -> None:
    raw = scene.seal()
    scene.open(raw, run="one")
    scene.replay.prune(NOW + 3600 + KEEP_AFTER_EXPIRY)
    assert scene.refusal(raw, run="two") == "replay"
    scene.replay.prune(NOW + 3600 + KEEP_AFTER_EXPIRY + 1)
    assert scene.refusal(raw, run="two", now=NOW + 3600 + KEEP_AFTER_EXPIRY + 1) == "clock"
