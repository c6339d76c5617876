"""What an enrolled person can do to a pod with messages that our client would never send."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from by_hand import Hand
from prefect_view import ask_prefect
from town import Town, until

import podium
from podium.contracts import Status
from podium.crypto.encryption import KeyRing, encode_public
from podium.crypto.keys import RSAKeyPair

FORGED = "2026-01-01 00:00:00,000 INFO    grant forged by nobody"


@dataclass
class Scene:
    town: Town
    ana: Hand  # has a grant on every column
    eve: Hand  # has an account at the hub and nothing else
    began: int  # how long the pod's log was

    def log(self) -> str:
        """What the pod has logged since."""
        return log_of(self.town).read_text()[self.began :]

    def row(self, run: str, columns: str) -> tuple[Any, ...] | None:
        found = self.town.rows("a", f"SELECT {columns} FROM run WHERE id = '{run}'")
        return found[0] if found else None

    def ended(self, run: str) -> tuple[str, int]:
        """Status and tries of the run, once it has an end."""
        return until(
            lambda: (row := self.row(run, "lower(status), tries, finished_at")) and row[2] and row[:2],
            seconds=12,
            why=lambda: f"no end: {self.row(run, 'status, tries')}",
        )


def log_of(town: Town) -> Path:
    return town.home / "pods" / "demo" / "a" / "pod.log"


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return []


@pytest.fixture
def scene(two_pods: Town, scenes: list[Scene]) -> Scene:
    """One pod and the same two people for every attack here: it must withstand them one after the other."""
    if not scenes:
        town, ana, eve = two_pods, two_pods.newcomer(), two_pods.newcomer()
        town.grant("a", ana, algorithms=("*",), more=("--column", "*", "--datasource", "*"))
        scenes.append(Scene(town, Hand(ana, town.folder / ana.user), Hand(eve, town.folder / eve.user), len(log_of(town).read_text())))
    return scenes[0]


def test_an_honest_task_by_hand_is_answered(scene: Scene):
    """The attacks below differ from this one in one thing each."""
    reply = scene.ana.ask({"kind": "mean", "column": "age"})
    assert reply is not None
    assert reply.status is Status.RELEASED
    assert reply.released is not None
    assert reply.released.cells[0].values["n"] == 400


def test_the_mean_of_a_yes_or_no_column_would_tell_a_small_count_exactly(scene: Scene):
    """Our client refuses it by the card; the pod must do so itself. Three of 400 rows are 1: their sum is a cell below min_cell."""
    reply = scene.ana.ask({"kind": "mean", "column": "few"})
    assert reply is not None
    assert reply.status is not Status.RELEASED, f"left the pod: {reply.released}"


@pytest.mark.parametrize("column", ["patient", "age"])
def test_grouping_by_an_identifier_or_an_amount_is_refused(scene: Scene, column: str):
    reply = scene.ana.ask({"kind": "count", "by": column})
    assert reply is not None
    assert reply.released is None or not reply.released.cells, f"left the pod: {reply.released}"
    assert reply.code == "by_not_categorical"


def test_someone_without_a_grant_learns_nothing_from_the_refusal(scene: Scene):
    """Known or unknown algorithm, datasource, column, parameter: one answer."""
    replies = [
        scene.eve.ask(),
        scene.eve.ask({"kind": "count", "by": "sex"}),
        scene.eve.ask({"kind": "mean", "column": "nosuchcolumn"}),
        scene.eve.ask({"kind": "nosuchkind"}),
        scene.eve.ask({"kind": "mean", "colum": "age"}),
        scene.eve.ask(datasource="nosuchsource"),
        scene.eve.ask(protocol={"kind": "nosuchprotocol"}),
    ]
    seen = {(reply.status, reply.code, reply.message) for reply in replies if reply is not None}
    assert len(replies) == 7
    assert None not in replies
    assert len(seen) == 1, seen


def test_with_a_grant_each_mistake_has_its_own_answer(scene: Scene):
    """And none of them is a fault of the pod's own."""
    mistakes = {
        "nosuchkind": scene.ana.ask({"kind": "nosuchkind"}),
        "column": scene.ana.ask({"kind": "mean", "column": "nosuchcolumn"}),
        "text": scene.ana.ask({"kind": "mean", "column": "patient"}),
        "source": scene.ana.ask(datasource="nosuchsource"),
        "protocol": scene.ana.ask(protocol={"kind": "nosuchprotocol"}),
    }
    for what, reply in mistakes.items():
        assert reply is not None, what
        assert reply.status in (Status.REJECTED, Status.FAILED), what
        assert reply.code not in ("internal", "worker_error", "failed"), (what, reply.code)
        assert str(scene.town.folder) not in reply.message, what


def test_a_message_that_breaks_a_rule_after_the_signature_is_refused_and_said_so(scene: Scene):
    """Its writer is known and the message was hers: silence would leave her waiting for a week."""
    now = int(time.time())
    bodies = [b"", b"{", b'{"v":1}', b"[" * 5000, b'{"v":1,"v":1}', b"\xff", b'{"v":NaN}']
    posted = {str(body[:20]): scene.ana.post(body=body) for body in bodies}
    posted["fast clock"] = scene.ana.post(iat=now + 400, exp=now + 900)
    posted["leap"] = scene.ana.post(seq=1000)
    assert {what: scene.ended(one.run) for what, one in posted.items()} == dict.fromkeys(posted, ("rejected", 1))
    time.sleep(1.5)
    replies = {what: scene.ana.reply(one, wait=0) for what, one in posted.items()}
    assert not [what for what, reply in replies.items() if reply is None]
    assert len({(reply.status, reply.code, reply.message) for reply in replies.values() if reply}) == 1


def test_nobody_writes_lines_into_the_custodians_log(scene: Scene):
    for hand in (scene.eve, scene.ana):
        posted = hand.post({"kind": "mean", "column": "age", f"x\n{FORGED}\x1b[31m": 1})
        scene.ended(posted.run)
        other = hand.post({"kind": "mean", "column": f"x\n{FORGED}\x1b[31m"})
        scene.ended(other.run)
    log = scene.log()
    assert not [line for line in log.splitlines() if line.startswith(FORGED)]
    assert "\x1b" not in log


def test_nobody_without_a_grant_writes_into_prefects_pages(scene: Scene):
    """A custodian's browser shows artifacts as Markdown: an image there would tell its host that, and when, she looked."""
    bait = "![x](http://tracker.example/pixel) | [free](http://tracker.example)"
    posted = scene.eve.post({"kind": "mean", "column": bait})
    scene.ended(posted.run)
    text = until(lambda: artifact(f"run-{posted.run[:8]}"))
    assert "tracker.example" not in text


def artifact(key: str) -> str:
    """What Prefect holds under that key."""
    return "".join(
        str(one["data"]) + str(one["description"]) for one in ask_prefect("/artifacts/filter", {"artifacts": {"key": {"any_": [key]}}})
    )


def test_a_message_for_another_pod_is_refused(scene: Scene):
    """The hub serves demo/a what was sealed for demo/other: here, the same bytes in its mailbox under the name of another."""
    posted = scene.ana.post()
    scene.ended(posted.run)
    assert scene.ana.reply(posted) is not None
    other = podium.connect(scene.town.url, user="demo", home=scene.town.folder / "other", code=invite(scene, "demo"))
    identity = RSAKeyPair.load(scene.town.folder / "other" / "analyst" / "identity.pem")
    other.hub.register_pod("demo/other", statement=KeyRing(scene.town.folder / "ring", identity).statement(int(time.time())))
    astray = scene.ana.post(to="demo/other")
    with sqlite3.connect(scene.town.home / "hub" / "hub.db") as hub:
        hub.execute("UPDATE hub_messages SET recipient = 'demo/a' WHERE recipient = 'demo/other'")
    assert scene.ana.ask() is not None  # wakes the pod's long poll; messages come in their order
    assert scene.ended(astray.run) == ("rejected", 1)
    assert scene.town.rows("a", f"SELECT count(*) FROM decision WHERE run = '{astray.run}'") == [(0,)]
    assert "refused by rule recipient" in scene.log()


def invite(scene: Scene, owner: str) -> str:
    return str(json.loads(scene.town.verb("hub", "invite", owner, "--json").stdout)["code"])


@pytest.mark.parametrize("who", ["ana", "eve"])
def test_a_task_too_long_to_be_quoted_back_ends_at_once(scene: Scene, who: str):
    hand: Hand = getattr(scene, who)
    posted = hand.post({"kind": "count", "\u0001" * 40_000: 1})
    status, tries = scene.ended(posted.run)
    assert (status in ("failed", "rejected"), tries) == (True, 1)
    assert hand.reply(posted) is not None


def test_answers_that_cannot_be_sealed_do_not_block_the_others(scene: Scene):
    """A reply key that no one can hold, or that is spelled wrongly, from someone with a grant and from someone without: each run ends at
    its first try, and rows are not read again and again. Four such messages used to fill every place of the pod for good."""
    keys = [encode_public(bytes(32)), "A" * 42 + "B="]
    posted = [hand.post(reply_key=key) for hand in (scene.eve, scene.ana) for key in keys]
    reply = scene.ana.ask(wait=25)
    assert reply is not None, "the pod answers nobody any more"
    ends = [scene.ended(one.run) for one in posted]
    assert {status for status, _ in ends} <= {"failed", "rejected"}
    assert [tries for _, tries in ends] == [1] * 4


def test_after_all_that_the_pod_still_answers_and_its_records_are_whole(scene: Scene):
    reply = scene.ana.ask()
    assert reply is not None
    assert reply.status is Status.RELEASED
    assert scene.town.rows("a", "SELECT count(*) FROM run WHERE lower(status) IN ('queued', 'running')") == [(0,)]
    assert scene.town.state("a")["phase"] == "serving"
    assert "Traceback" not in scene.log()
