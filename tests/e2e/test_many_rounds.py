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


def halves(town: Town, *names: str, **sections: Any) -> Any:
    """A hub, pods with a share of the tumours each, and an analyst who may ask them everything."""
    town.start_hub()
    frame = tumours()
    for number, name in enumerate(names):
        town.start_pod(name, town.csv(name, frame.iloc[number :: len(names)]), ready=False, **sections)
    for name in names:
        town.ready(name)
    session = town.session()
    for name in names:
        grant(town, name, session)
    return session


def grant(town: Town, pod: str, session: Any) -> None:
    kinds = [part for kind in ("linear", "logistic", "count") for part in ("--algorithm", kind)]
    fixed = ["--datasource", "patients", "--column", "*", "--alias", "Ana", "--analyst", session.fingerprint]
    town.podium("grant", "create", "--pod", f"demo/{pod}", *fixed, *kinds)


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


def test_the_fit_is_the_pooled_one_in_one_flow_run_a_pod(town: Town):
    session = halves(town, "a", "b")
    seen: list[int] = []
    answer = session.ask(MODEL, pods=PODS, datasource="patients", timeout=120, on_progress=lambda a: seen.append(a.runs["demo/a"].round))
    assert answer.status is Status.RELEASED, answer
    is_pooled(answer.result)
    assert max(seen) == answer.result.rounds
    for pod in ("a", "b"):
        assert town.rows(pod, "SELECT status, tries FROM run") == [("released", 0)]
        assert town.rows(pod, "SELECT count(*), sum(answered_at IS NOT NULL) FROM round") == [
            (answer.result.rounds + 1, answer.result.rounds)
        ]
        assert town.rows(pod, "SELECT count(*) FROM decision") == [(1,)]
        assert town.rows(pod, "SELECT count(*) FROM datapoint") == town.rows(pod, "SELECT rows_read FROM run")
        assert town.log(f"{pod}.log").count("Traceback") == 0
        ((run,),) = town.rows(pod, "SELECT id FROM run")
        assert flow_runs(f"compute-{run[:8]}") == 1
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


def arrived(town: Town, pod: str) -> list[str]:
    """The tasks in the order in which the pod took them."""
    return [peek(envelope).task for (envelope,) in town.rows(pod, "SELECT envelope FROM run ORDER BY no")]


def test_six_tasks_in_opposite_order_all_finish_though_only_one_may_run_at_once(town: Town, monkeypatch: pytest.MonkeyPatch):
    """Each pod has one place, and what comes first to one comes last to the other: a place held while waiting would stop everything."""
    session = halves(town, "a", "b", limits={"runs_at_once": 1})
    with monkeypatch.context() as held_back:
        held_back.setattr("podium.client.asking.send", lambda *_: None)
        answers = [session.ask(SHORT, pods=PODS, datasource="patients", wait=False) for _ in range(6)]
    messages = [{sent.pod: dict(answer._store.outbox())[sent.mid] for sent in answer._store.asked().sent} for answer in answers]
    for there, back in zip(messages, reversed(messages), strict=True):
        session.hub.post(there["demo/a"])
        session.hub.post(back["demo/b"])
    until(lambda: all(town.rows(pod, "SELECT count(*) FROM run") == [(6,)] for pod in ("a", "b")))
    assert arrived(town, "a") == [answer.id for answer in answers]
    assert arrived(town, "b") == [answer.id for answer in reversed(answers)]
    ends: list[Status] = []
    threads = [threading.Thread(target=lambda a=answer: ends.append(a.wait(120).status)) for answer in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends == [Status.RELEASED] * 6, answers
    for answer in answers:
        short_is_pooled(answer.result)


def waiting(town: Town, pod: str) -> bool:
    return town.rows(pod, "SELECT status FROM run") == [("waiting",)]


def test_while_it_waits_it_holds_nothing_and_survives_kills_on_both_sides(town: Town):
    session = halves(town, "a", "b", limits={"runs_at_once": 1})
    answer = session.ask(SHORT, pods=PODS, datasource="patients", wait=False)
    until(lambda: waiting(town, "a") and waiting(town, "b"), why=lambda: town.log("a.log"))
    until(lambda: not [c for c in psutil.Process(town.pid("a")).children(recursive=True) if "podium.workers" in " ".join(c.cmdline())])
    count = session.ask(podium.algorithms.Count(), pods=["demo/a"], datasource="patients", timeout=60)
    assert count.status is Status.RELEASED  # the only place is free

    town.kill_pod("a", town.pods["a"])
    for _ in range(3):
        answer.wait(1.0)  # the other pod goes on as far as it can
    town.start_pod("a", town.csv("a", tumours().iloc[::2]), limits={"runs_at_once": 1})
    done = session.answer(answer.id).wait(120)
    assert done.status is Status.RELEASED, (done, town.log("a.log"))
    short_is_pooled(done.result)
    assert town.rows("a", "SELECT count(*) FROM result") == [(2,)]
    assert town.rows("a", "SELECT count(*) FROM round WHERE answered_at IS NOT NULL") == [(done.result.rounds,)]


def test_silence_ends_a_run_in_time(town: Town):
    session = halves(town, "a", limits={"wait_seconds": 2})
    answer = session.ask(MODEL, pods=["demo/a"], datasource="patients", wait=False)
    until(lambda: town.rows("a", "SELECT status FROM run") == [("expired",)], why=lambda: town.log("a.log"))
    answer.wait(20)
    assert (answer.status, answer.runs["demo/a"].code, answer.result) == (Status.EXPIRED, "expired", None)


def test_rows_that_change_between_rounds_end_the_run(town: Town):
    session = halves(town, "a")
    answer = session.ask(MODEL, pods=["demo/a"], datasource="patients", wait=False)
    until(lambda: waiting(town, "a"))
    town.csv("a", tumours().iloc[5:])
    answer.wait(60)
    assert (answer.status, answer.runs["demo/a"].code) == (Status.FAILED, "data_changed")
    assert answer.result is None


def test_a_pod_that_waits_ends_within_seconds(town: Town):
    session = halves(town, "a")
    session.ask(MODEL, pods=["demo/a"], datasource="patients", wait=False)
    until(lambda: waiting(town, "a"))
    pod = psutil.Process(town.pid("a"))
    began = time.monotonic()
    pod.terminate()
    pod.wait(15)
    assert time.monotonic() - began < 5


def test_only_the_analyst_of_the_run_may_speak_and_only_in_turn(town: Town):
    """Rounds sealed by hand: from somebody else, out of turn, twice, and at coefficients that are out of bounds."""
    session = halves(town, "a")
    eve = Hand(podium.connect(town.url, user="eve", home=town.home / "eve", code=invited(town, "eve")), town.home / "eve")
    ana = Hand(session, town.home)
    posted = ana.post(MODEL.dump(), protocol={"kind": "many_rounds"})
    first = ana.heard(posted)
    until(lambda: waiting(town, "a"))
    good = {"center": [0.0] * 4, "scale": [1.0] * 4, "beta": [0.0] * 5}
    eve.say(posted, 2, good, re=first)
    ana.say(posted, 2, good, re=f"{'0' * 32}.{'0' * 64}", seq=2)
    ana.say(posted, 3, good, re=first, seq=3)
    until(lambda: town.log("a.log").count("a message about a round was dropped") == 3, why=lambda: town.log("a.log"))
    assert town.rows("a", "SELECT count(*) FROM round") == [(1,)]
    assert waiting(town, "a")
    ana.say(posted, 2, good, re=first, seq=4)
    second = ana.heard(posted)
    ana.say(posted, 3, {**good, "beta": [0.0, 0.0, 0.0, 0.0, 1e9]}, re=second, seq=5)
    until(lambda: town.rows("a", "SELECT status, code FROM run") == [("failed", "bad_task")], why=lambda: town.log("a.log"))
    ana.say(posted, 4, good, re=second, seq=6)
    until(lambda: town.log("a.log").count("a message about a round was dropped") == 4)
    assert town.rows("a", "SELECT count(*) FROM round WHERE answered_at IS NOT NULL") == [(2,)]


def invited(town: Town, owner: str) -> str:
    return str(json.loads(town.podium("hub", "invite", owner, "--json").stdout)["code"])
