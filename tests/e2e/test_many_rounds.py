"""Regressions on real processes: the pooled fit, waiting runs that hold nothing, crashes between rounds, and silence."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import Any

import httpx
import numpy as np
import pandas as pd
import psutil
import pytest
from by_hand import Hand
from sklearn.datasets import load_breast_cancer
from town import Town, until

import podium
from podium.contracts import Status
from podium.crypto.envelope import peek

PODS = ["demo/a", "demo/b"]
MEASURES = ("mean_radius", "mean_texture", "mean_smoothness", "mean_concavity")
SHORT = podium.algorithms.Linear(target="mean_area", features=("mean_texture", "mean_smoothness"))  # three rounds
MODEL = podium.algorithms.Logistic(target="diagnosis", positive="malignant", features=MEASURES)


def tumours() -> pd.DataFrame:
    loaded = load_breast_cancer(as_frame=True)
    frame = loaded.data.rename(columns=lambda name: name.replace(" ", "_"))[[*MEASURES, "mean_area"]]
    frame.insert(0, "diagnosis", loaded.target.map({0: "malignant", 1: "benign"}))
    frame.insert(0, "patient", [f"case{number}" for number in range(len(frame))])
    return frame


@pytest.fixture(scope="module")
def halves(long_town: Town) -> tuple[Town, Any]:
    """A hub, two pods with one place and half of the tumours each, and an analyst who may ask them everything."""
    town = long_town
    town.start_hub()
    for name in "ab":
        serve(town, name, ready=False)
    session = town.session()
    for name in "ab":
        town.ready(name)
        grant(town, name, session)
    return town, session


def serve(town: Town, name: str, *, ready: bool = True, **limits: int) -> None:
    source = town.csv(name, tumours().iloc["ab".index(name) :: 2])
    town.start_pod(name, source, ready=ready, limits={"runs_at_once": 1, **limits})


def grant(town: Town, pod: str, session: Any) -> None:
    kinds = [part for kind in ("linear", "logistic", "count") for part in ("--algorithm", kind)]
    fixed = ["--datasource", "patients", "--column", "*", "--alias", "Ana", "--analyst", session.fingerprint]
    town.verb("grant", "create", "--pod", f"demo/{pod}", *fixed, *kinds)


def pooled(frame: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Newton's method on all rows; the errors by QR."""
    x, y = frame[list(MEASURES)].to_numpy(), (frame["diagnosis"] == "malignant").to_numpy(float)
    mean, sd = x.mean(axis=0), x.std(axis=0)
    z = np.column_stack([np.ones(len(x)), (x - mean) / sd])
    beta = np.zeros(5)
    for _ in range(30):
        p = 1 / (1 + np.exp(-z @ beta))
        beta += np.linalg.solve((z * (p * (1 - p))[:, None]).T @ z, z.T @ (y - p))
    raw = np.column_stack([np.ones(len(x)), x])
    size = np.sqrt((raw**2).sum(axis=0))
    root = np.linalg.inv(np.linalg.qr(raw / size * np.sqrt(p * (1 - p))[:, None], mode="r"))
    slopes = beta[1:] / sd
    return [float(beta[0] - slopes @ mean), *slopes.tolist()], (np.sqrt((root**2).sum(axis=1)) / size).tolist()


def is_pooled(fit: Any) -> None:
    estimates, errors = pooled(tumours())
    assert fit.state == "converged", fit
    assert [term.estimate for term in fit.terms] == pytest.approx(estimates, rel=1e-8)
    assert [term.error for term in fit.terms] == pytest.approx(errors, rel=1e-8)
    assert fit.n == 569


def short_is_pooled(fit: Any) -> None:
    frame = tumours()
    x = np.column_stack([np.ones(len(frame)), frame[["mean_texture", "mean_smoothness"]]])
    known = np.linalg.lstsq(x, frame["mean_area"].to_numpy(), rcond=None)[0]
    assert (fit.state, fit.n, fit.rounds) == ("converged", 569, 3)
    assert [term.estimate for term in fit.terms] == pytest.approx(known.tolist(), rel=1e-8)


def test_the_fit_is_the_pooled_one_in_one_flow_run_a_pod(halves: tuple[Town, Any]):
    town, session = halves
    seen: list[int] = []
    answer = session.ask(MODEL, pods=PODS, datasource="patients", timeout=120, on_progress=lambda a: seen.append(a.runs["demo/a"].round))
    assert answer.status is Status.RELEASED, answer
    is_pooled(answer.result)
    assert max(seen) == answer.result.rounds
    for pod in ("a", "b"):
        this = run(answer, pod)
        assert town.rows(pod, f"SELECT status, tries FROM run WHERE id = '{this}'") == [("released", 0)]
        assert town.rows(pod, f"SELECT count(*), sum(answered_at IS NOT NULL) FROM round WHERE run = '{this}'") == [
            (answer.result.rounds + 1, answer.result.rounds)
        ]
        assert town.rows(pod, f"SELECT count(*) FROM decision WHERE run = '{this}'") == [(1,)]
        used = f"SELECT count(*) FROM datapoint WHERE run_no = (SELECT no FROM run WHERE id = '{this}')"
        assert town.rows(pod, used) == town.rows(pod, f"SELECT rows_read FROM run WHERE id = '{this}'")
        assert town.log(f"{pod}.log").count("Traceback") == 0
        assert flow_runs(f"compute-{this[:8]}") == 1
    is_pooled(session.answer(answer.id).result)

    short_is_pooled(session.ask(SHORT, pods=PODS, datasource="patients", timeout=60).result)


def flow_runs(name: str) -> int:
    """How many flow runs of that name Prefect knows."""
    url = os.environ["PREFECT_API_URL"]
    user, _, password = os.environ["PREFECT_API_AUTH_STRING"].partition(":")
    with httpx.Client(auth=(user, password), trust_env=False) as client:
        token = client.get(f"{url}/csrf-token", params={"client": "test"}).json()["token"]
        headers = {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": "test"}
        return int(client.post(f"{url}/flow_runs/count", json={"flow_runs": {"name": {"any_": [name]}}}, headers=headers).json())


def run(answer: Any, pod: str = "a") -> str:
    return next(str(sent.run) for sent in answer._store.asked().sent if sent.pod == f"demo/{pod}")


def arrived(town: Town, pod: str, runs: list[str]) -> list[str]:
    """The tasks of these runs in the order in which the pod took them."""
    return [peek(envelope).task for (envelope,) in town.rows(pod, f"SELECT envelope FROM run WHERE id IN {tuple(runs)} ORDER BY no")]


def test_six_tasks_in_opposite_order_all_finish_though_only_one_may_run_at_once(halves: tuple[Town, Any], monkeypatch: pytest.MonkeyPatch):
    """Each pod has one place, and what comes first to one comes last to the other: a place held while waiting would stop everything."""
    town, session = halves
    with monkeypatch.context() as held_back:
        held_back.setattr("podium.client.asking.send", lambda *_: None)
        answers = [session.ask(SHORT, pods=PODS, datasource="patients", wait=False) for _ in range(6)]
    messages = [{sent.pod: dict(answer._store.outbox())[sent.mid] for sent in answer._store.asked().sent} for answer in answers]
    for there, back in zip(messages, reversed(messages), strict=True):
        session.hub.post(there["demo/a"])
        session.hub.post(back["demo/b"])
    runs = {pod: [run(answer, pod) for answer in answers] for pod in ("a", "b")}
    until(lambda: all(len(arrived(town, pod, runs[pod])) == 6 for pod in runs))
    assert arrived(town, "a", runs["a"]) == [answer.id for answer in answers]
    assert arrived(town, "b", runs["b"]) == [answer.id for answer in reversed(answers)]
    ends: list[Status] = []
    threads = [threading.Thread(target=lambda a=answer: ends.append(a.wait(300).status)) for answer in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends == [Status.RELEASED] * 6, answers
    for answer in answers:
        short_is_pooled(answer.result)


def waits(town: Town, answer: Any, pod: str = "a") -> bool:
    return town.rows(pod, f"SELECT status FROM run WHERE id = '{run(answer, pod)}'") == [("waiting",)]


def test_while_it_waits_it_holds_nothing_and_survives_kills_on_both_sides(halves: tuple[Town, Any]):
    town, session = halves
    answer = session.ask(SHORT, pods=PODS, datasource="patients", wait=False)
    until(lambda: waits(town, answer, "a") and waits(town, answer, "b"), why=lambda: town.log("a.log"))
    until(lambda: not town.workers("a"))
    count = session.ask(podium.algorithms.Count(), pods=["demo/a"], datasource="patients", timeout=60)
    assert count.status is Status.RELEASED  # the only place is free

    town.kill_pod("a", town.pods["a"])
    for _ in range(3):
        answer.wait(1.0)  # the other pod goes on as far as it can
    serve(town, "a")
    done = session.answer(answer.id).wait(120)
    assert done.status is Status.RELEASED, (done, town.log("a.log"))
    short_is_pooled(done.result)
    assert town.rows("a", f"SELECT count(*) FROM result WHERE run IN ('{run(answer)}', '{run(count)}')") == [(2,)]
    answered = f"SELECT count(*) FROM round WHERE answered_at IS NOT NULL AND run = '{run(answer)}'"
    assert town.rows("a", answered) == [(done.result.rounds,)]


def test_rows_that_change_between_rounds_end_the_run(halves: tuple[Town, Any]):
    town, session = halves
    answer = session.ask(MODEL, pods=["demo/a"], datasource="patients", wait=False)
    until(lambda: waits(town, answer))
    town.csv("a", tumours().iloc[5:])
    try:
        answer.wait(60)
    finally:
        town.csv("a", tumours().iloc[::2])
    assert (answer.status, answer.runs["demo/a"].code) == (Status.FAILED, "data_changed")
    assert answer.result is None


def test_only_the_analyst_of_the_run_may_speak_and_only_in_turn(halves: tuple[Town, Any]):
    """Rounds sealed by hand: from somebody else, out of turn, twice, and at coefficients that are out of bounds."""
    town, session = halves
    eve = Hand(podium.connect(town.url, user="eve", home=town.home / "eve", code=invited(town, "eve")), town.home / "eve")
    ana = Hand(session, town.home)
    posted = ana.post(MODEL.dump(), protocol={"kind": "many_rounds"})
    this, rounds = f"FROM run WHERE id = '{posted.run}'", f"SELECT count(*) FROM round WHERE run = '{posted.run}'"
    first = ana.heard(posted)
    until(lambda: town.rows("a", f"SELECT status {this}") == [("waiting",)])
    good = {"center": [0.0] * 4, "scale": [1.0] * 4, "beta": [0.0] * 5}
    eve.say(posted, 2, good, re=first)
    ana.say(posted, 2, good, re=f"{'0' * 32}.{'0' * 64}", seq=2)
    ana.say(posted, 3, good, re=first, seq=3)
    until(lambda: dropped(town) == 3, why=lambda: town.log("a.log"))
    assert town.rows("a", rounds) == [(1,)]
    assert town.rows("a", f"SELECT status {this}") == [("waiting",)]
    ana.say(posted, 2, good, re=first, seq=4)
    second = ana.heard(posted)
    ana.say(posted, 3, {**good, "beta": [0.0, 0.0, 0.0, 0.0, 1e9]}, re=second, seq=5)
    until(lambda: town.rows("a", f"SELECT status, code {this}") == [("failed", "bad_task")], why=lambda: town.log("a.log"))
    ana.say(posted, 4, good, re=second, seq=6)
    until(lambda: dropped(town) == 4)
    assert town.rows("a", f"{rounds} AND answered_at IS NOT NULL") == [(2,)]


def invited(town: Town, owner: str) -> str:
    return str(json.loads(town.verb("hub", "invite", owner, "--json").stdout)["code"])


def dropped(town: Town) -> int:
    return (town.folder / "a.log").read_text().count("a message about a round was dropped")


def test_a_pod_that_waits_ends_within_seconds_and_silence_ends_its_runs_in_time(halves: tuple[Town, Any]):
    """The last of this file: it leaves an impatient pod. The run that waited when the pod was stopped does not wait for ever either."""
    town, session = halves
    before = session.ask(MODEL, pods=["demo/a"], datasource="patients", wait=False)
    until(lambda: waits(town, before))
    pod = psutil.Process(town.pid("a"))
    began = time.monotonic()
    pod.terminate()
    pod.wait(15)
    assert time.monotonic() - began < 5
    serve(town, "a", wait_seconds=2)
    after = session.ask(MODEL, pods=["demo/a"], datasource="patients", wait=False)
    for answer in (before, after):
        ended = f"SELECT status FROM run WHERE id = '{run(answer)}'"
        until(lambda ended=ended: town.rows("a", ended) == [("expired",)], why=lambda: town.log("a.log"))
        answer.wait(20)
        assert (answer.status, answer.runs["demo/a"].code, answer.result) == (Status.EXPIRED, "expired", None)
