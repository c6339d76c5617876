"""What an analyst is told of a run that the history has ended, and which question a standing task is."""

from __future__ import annotations

import pytest

from podium.algorithms import Count
from podium.contracts import Repeat, Task
from podium.project import activate

activate()

from schemas.records import RunRecord  # noqa: E402
from tasks.case import Case  # noqa: E402
from tasks.words import GENERAL, SENTENCES, public  # noqa: E402


@pytest.mark.parametrize("code", ["nothing_new", "not_grown", "too_few_new", "overtaken", "bad_state", "state_version"])
def test_the_end_that_the_history_gave_a_run_has_words_of_its_own(code: str) -> None:
    said, sentence = public(code)
    assert said == code
    assert sentence != public(GENERAL)[1]
    assert list(SENTENCES.values()).count(sentence) == 1


@pytest.mark.parametrize("code", ["overtaken", "bad_state", "state_version"])
def test_none_of_them_tells_that_others_ask_the_same_or_what_was_kept(code: str) -> None:
    sentence = public(code)[1].lower()
    assert not [word for word in ("question", "analyst", "same", "row", "group", "part ") if word in sentence]


@pytest.mark.parametrize("code", ["key_not_unique", "changed_while_read", "worker_nonsense", "at_work", "internal"])
def test_what_is_the_custodians_alone_is_told_as_a_failure(code: str) -> None:
    assert public(code) == public(GENERAL)


def test_a_standing_task_is_a_question_of_its_own_and_its_repeats_are_one() -> None:
    once, standing = "a" * 32, "b" * 32
    by_hand, first, repeat, other = _case(once), _case(standing, stands=True), _case("c" * 32, of=standing), _case("d" * 32, stands=True)
    assert first.task_key == repeat.task_key
    assert len({case.task_key for case in (by_hand, first, other)}) == 3
    assert by_hand.task_key == _case("e" * 32).task_key


def _case(run: str, *, stands: bool = False, of: str = "") -> Case:
    case = Case.__new__(Case)  # no desk: a question is told from the run and its task alone
    case.run, case.record = run, RunRecord(id=run, mid="", lease_attempt=0, envelope=b"", received_at=0, standing=of)
    repeat = Repeat(cron="0 6 * * 1", until=4_000_000_000) if stands or of else None
    case.task = Task(protocol={"kind": "one_round"}, algorithm=Count().dump(), datasource="patients", repeat=repeat)
    return case
