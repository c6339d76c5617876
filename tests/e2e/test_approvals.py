"""A custodian asked about each task: her yes and her no, by the command line and by Prefect, and whatever may happen while she thinks."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from prefect_view import ask_prefect
from town import Town, patients, until

import podium
from podium.contracts import Status

ASK: dict[str, Any] = {"pods": ["demo/a"], "datasource": "patients"}
COUNT = podium.algorithms.Count()


@pytest.fixture(scope="module")
def served(long_town: Town) -> tuple[Town, Any]:
    """A hub, a pod, and an analyst."""
    long_town.start_hub()
    long_town.start_pod("a", long_town.csv("a", patients(200)))
    return long_town, long_town.session()


def only(town: Town, session: Any, *more: str) -> None:
    """This grant from now on, and no earlier one."""
    for (grant,) in town.rows("a", "SELECT id FROM grant_ WHERE revoked_at IS NULL"):
        town.verb("grant", "revoke", "--pod", "demo/a", grant)
    town.grant("a", session, algorithms=("count",), more=("--approval", "every_run", *more))


def pending(town: Town, session: Any, algorithm: Any = COUNT) -> tuple[Any, str]:
    """A task that waits for its approval, and its run."""
    answer = session.ask(algorithm, wait=False, **ASK)
    run = next(iter(answer._asked.sent)).run
    until(lambda: state(town, run) == "pending_approval", why=lambda: f"{state(town, run)} {town.log('a.log')}")
    return answer, run


def state(town: Town, run: str) -> str:
    found = town.rows("a", f"SELECT status FROM run WHERE id = '{run}'")
    return str(found[0][0]) if found else ""


def in_prefect(town: Town, run: str, environ: Any = os.environ) -> list[tuple[str, str]]:
    """(id, state) of every approval flow run of this run, the first one first."""
    time.sleep(0.5)  # asking costs the server more than what is waited for
    body = {"flow_runs": {"name": {"any_": [f"approve-{run[:8]}"]}}, "sort": "START_TIME_ASC"}
    return [(found["id"], found["state"]["name"]) for found in ask_prefect("/flow_runs/filter", body, environ)]


def suspended(town: Town, run: str, environ: Any = os.environ) -> str:
    """The one flow run that stands in Prefect's list for this run, with its form."""

    def one() -> str:
        open_ones = [id_ for id_, name in in_prefect(town, run, environ) if name == "Suspended"]
        return open_ones[0] if len(open_ones) == 1 and description(open_ones[0], environ) else ""

    return until(one, seconds=180, why=lambda: f"{in_prefect(town, run, environ)} {town.log('a.log')}")


def press(flow_run: str, environ: Any = os.environ) -> None:
    """What the UI's form sends for a yes."""
    done = ask_prefect(f"/flow_runs/{flow_run}/resume", {"run_input": {"approve": True, "reason": "seen"}}, environ)
    assert done["status"] == "ACCEPT", done


def ended(town: Town, answer: Any) -> Status:
    """How the task ended."""
    status: Status = answer.wait(180).status
    assert status.final, town.log("a.log")
    return status


def approvals(town: Town, *args: str, code: int = 0) -> Any:
    return json.loads(town.verb("approvals", *args, "--pod", "demo/a", "--json", code=code).stdout)


def closed(town: Town, run: str, name: str, environ: Any = os.environ) -> None:
    """Nothing is left on Prefect's list for this run."""

    def names() -> set[str]:
        return {found for _, found in in_prefect(town, run, environ)}

    until(lambda: names() == {name}, seconds=180, why=lambda: str(names()))


def test_yes_and_no_and_a_yes_to_another_task(served):
    town, session = served
    only(town, session)
    answer, run = pending(town, session, podium.algorithms.Count(where="sex == 'canarymale'"))
    # nothing is held: no worker, no place, no lease; the analyst is told; the decision under the grant is on disk
    assert town.rows("a", f"SELECT status, tries FROM run WHERE id = '{run}'") == [("pending_approval", 0)]
    until(lambda: town.rows("a", f"SELECT 1 FROM run WHERE id = '{run}' AND acknowledged_at IS NOT NULL"))
    until(lambda: town.state("a")["running"] == 0)
    assert not town.workers("a")
    assert answer.wait(5).status is Status.PENDING_APPROVAL
    shown = suspended(town, run)
    brief = json.dumps(ask_prefect("/flow_runs/filter", {"flow_runs": {"id": {"any_": [shown]}}})) + description(shown)
    assert "Ana" in brief
    assert "canary" not in brief
    (listed,) = approvals(town, "list")
    assert (listed["run"], listed["alias"], listed["state"]) == (run, "Ana", "open")
    assert "canarymale" in json.dumps(approvals(town, "show", run[:8])["task"])
    assert approvals(town, "approve", "ffff", code=2)["error"]["field"] == "run"
    town.podium("approvals", "approve", run[:8], "--reason", "agreed by telephone", "--pod", "demo/a")  # as she does it, for once
    assert ended(town, answer) is Status.RELEASED
    closed(town, run, "Approved")
    assert approvals(town, "approve", run, code=7)["error"]["code"] == "answered"
    statement = town.rows("a", f"SELECT statement, signature, by FROM approval WHERE run = '{run}'")[0]
    assert json.loads(statement[0])["task_digest"] == town.rows("a", f"SELECT task_digest FROM run WHERE id = '{run}'")[0][0]

    # another task under the same grant needs its own: a no, then a yes that was signed for the first one
    refused, second = pending(town, session)
    approvals(town, "reject", second)
    assert ended(town, refused) is Status.REJECTED
    assert refused.runs["demo/a"].code == "refused"
    copied, third = pending(town, session)
    forge(town, third, statement)
    assert ended(town, copied) is Status.REJECTED
    assert "the signed approval is of another task" in town.log("a.log")


@pytest.mark.soak
def test_a_yes_in_prefect_changes_nothing_where_the_grant_wants_it_signed(served):
    """And the question stands there again."""
    town, session = served
    only(town, session, "--approver", "signed")
    answer, last = pending(town, session)
    first = suspended(town, last)
    assert "does not count" in description(first)
    press(first)
    assert until(lambda: (again := suspended(town, last)) != first and again)
    assert state(town, last) == "pending_approval"
    approvals(town, "approve", last)
    assert ended(town, answer) is Status.RELEASED
    until(lambda: sorted(name for _, name in in_prefect(town, last)) == ["Approved", "Unanswered"])


def test_a_pod_killed_while_it_waits_goes_on_and_asks_once(served):
    town, session = served
    only(town, session)
    town.grant("a", session, algorithms=("mean",), more=("--approval", "every_run"))
    waiting = {name: pending(town, session) for name in ("later", "approved")}
    waiting["revoked"] = pending(town, session, podium.algorithms.Mean(column="age"))
    suspended(town, waiting["later"][1])
    town.kill_pod("a", town.pods["a"])
    approvals(town, "approve", waiting["approved"][1])
    approvals(town, "approve", waiting["revoked"][1])
    ((grant,),) = town.rows("a", f"SELECT grant_id FROM decision WHERE run = '{waiting['revoked'][1]}'")
    town.verb("grant", "revoke", "--pod", "demo/a", grant)
    town.start_pod("a", town.csv("a", patients(200)), limits={"approval_seconds": 2})
    assert ended(town, waiting["approved"][0]) is Status.RELEASED
    assert ended(town, waiting["revoked"][0]) is Status.REJECTED
    later, run = waiting["later"]
    assert [name for _, name in in_prefect(town, run)] == ["Suspended"]  # the very one of before
    press(suspended(town, run))
    assert ended(town, later) is Status.RELEASED
    assert town.rows("a", f"SELECT asks, by, reason FROM approval WHERE run = '{run}'") == [(1, "ui", "seen")]
    closed(town, run, "Approved")
    # and now that the time is short
    answer, run = pending(town, session)
    assert ended(town, answer) is Status.EXPIRED
    assert answer.runs["demo/a"].code == "unanswered"
    assert town.rows("a", f"SELECT decision, by FROM approval WHERE run = '{run}'") == [("expired", "clock")]
    assert approvals(town, "approve", run, code=7)["error"]["code"] == "answered"
    until(lambda: {name for _, name in in_prefect(town, run)} <= {"Expired"})


@pytest.mark.soak
def test_prefect_killed_while_a_task_waits(town: Town):
    """The command line needs no Prefect; and when it is back, its list is made true again, even if it forgot everything."""
    town.with_own_prefect().start_hub()
    town.start_pod("a", town.csv("a", patients(200)))
    session = town.session()
    town.grant("a", session, more=("--approval", "every_run"))
    first, one = pending(town, session)
    second, two = pending(town, session)
    environ = json.loads(town.podium("prefect", "env", "--json").stdout)
    lost = suspended(town, two, environ)
    suspended(town, one, environ)
    prefect = psutil.Process(int(json.loads(town.podium("prefect", "status", "--json").stdout)["pid"]))
    prefect.kill()
    prefect.wait(10)
    approvals(town, "approve", one)
    forget(town.home / "prefect" / "prefect.db", lost)
    assert ended(town, first) is Status.RELEASED
    closed(town, one, "Approved", environ)
    again = suspended(town, two, environ)
    assert again != lost
    press(again, environ)
    assert ended(town, second) is Status.RELEASED


def description(flow_run: str, environ: Any = os.environ) -> str:
    """What the form says above its fields; empty until it is there."""
    found = ask_prefect(f"/flow_runs/{flow_run}/input/filter", {"prefix": "suspended-", "limit": 10}, environ)
    return " ".join(str(one["value"]) for one in found if one["key"].endswith("-description"))


def forge(town: Town, run: str, statement: tuple[str, str, str]) -> None:
    """Write a yes that was signed for another task beside this one."""
    with sqlite3.connect(town.home / "pods" / "demo" / "a" / "pod.db", timeout=30) as database:
        change = "UPDATE approval SET decision = 'yes', statement = ?, signature = ?, by = ? WHERE run = ?"
        database.execute(change, (*statement, run))
        database.execute("UPDATE run SET status = 'queued' WHERE id = ?", (run,))


def forget(database: Path, flow_run: str) -> None:
    with sqlite3.connect(database) as prefect:
        assert prefect.execute("DELETE FROM flow_run WHERE id = ?", (flow_run,)).rowcount == 1
