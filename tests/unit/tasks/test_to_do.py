"""Which flow runs of an open question are as good as lost, so that another one must ask."""

from datetime import UTC, datetime, timedelta

import pytest
from prefect.states import Cancelled, Completed, Crashed, Pending, Running, Scheduled, Suspended

from podium import project

project.activate()

from tasks.to_do import lost  # noqa: E402

LATER = datetime.now(UTC) + timedelta(hours=1)


@pytest.mark.parametrize("state", [None, Completed(), Crashed(), Cancelled()])
def test_one_that_is_gone_or_has_ended_without_an_answer(state):
    assert lost(state, datetime.now(UTC))


@pytest.mark.parametrize("state", [Pending(name="Submitting"), Running()])
def test_one_whose_process_died_before_it_could_ask(state):
    assert not lost(state, state.timestamp)  # it may be about to
    assert lost(state, LATER)


@pytest.mark.parametrize("state", [Scheduled(), Suspended(), Scheduled(name="Resuming")])
def test_one_that_waits_is_never_lost(state):
    assert not lost(state, LATER)
