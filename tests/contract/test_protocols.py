"""Every kind of protocol keeps the family's contract; one that sends what the gate did not release is caught."""

import pytest

from podium.contracts import Released
from podium.protocols import Ask, Compute, OneRound, Outcome, Protocol, Release, Send
from podium.testing import check_protocol


@pytest.fixture(autouse=True)
def _restore():
    yield
    for kind, made in list(Protocol._kinds.items()):  # what is imported stays registered; what a test has made up goes
        if not made.__module__.startswith("podium."):
            del Protocol._kinds[kind]


@pytest.mark.parametrize("kind", Protocol.kinds())
def test_kind_keeps_the_contract(kind):
    check_protocol(Protocol.of(kind).sample())


def test_going_round_the_gate_is_caught():
    class Leaky(OneRound):
        kind = "leaky"

        def pod(self):
            partial = yield Compute()
            yield Release(partial)
            yield Send(Released(rows=partial.rows + 1))

    with pytest.raises(AssertionError, match="did not release"):
        check_protocol(Leaky())


def test_an_analyst_side_that_loses_a_pod_is_caught():
    class Forgetful(OneRound):
        kind = "forgetful"

        def analyst(self, pods, task):
            replies = yield Ask(dict.fromkeys(pods, task))
            return Outcome({pods[0]: replies[pods[0]]})

    with pytest.raises(AssertionError, match="loses"):
        check_protocol(Forgetful())
