"""The demo from end to end: set the stage, grant, ask, compare, take it all down."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from podium import project
from podium.config import pod_folder
from podium.contracts import Status
from podium.crypto.keys import RSAKeyPair
from podium.demo.data import tumours, write_halves
from podium.demo.questions import MEASURES, Question, answered, difference, pooled, questions, tolerance
from podium.demo.stage import OWNER, PODS, Stage, demo_home, fresh
from podium.errors import PodiumError
from podium.privacy.disclosure import Rules

if TYPE_CHECKING:
    import pandas as pd

    from podium.client import Answer, Session

ANALYST = "ana"
ANSWER_SECONDS = 60.0
Tell = Callable[[str], None]


def run(*, keep: bool, tell: Tell) -> dict[str, Any]:
    """Everything, with progress through `tell`. The report: `questions` (see `_report`) and `seconds`; with `keep`, also `kept`."""
    began = time.monotonic()
    folder = fresh(demo_home())
    outer = os.environ.get("PODIUM_HOME")
    os.environ["PODIUM_HOME"] = str(folder)
    stage, kept = Stage(folder, keep=keep, tell=tell), False
    try:
        stage.begin()
        frame = tumours()
        csv, parquet = write_halves(folder / "data", frame)
        tell(f"Wrote {len(frame)} rows in two halves: {csv.name}, {parquet.name}")
        url = stage.open({"clinic-a": {"kind": "csv", "path": str(csv)}, "clinic-b": {"kind": "parquet", "path": str(parquet)}})
        session = _signed_in(url)
        tell(f"Custodian grants {ANALYST} any question on six columns")
        asked = [_ask(session, question, frame, tell) for question in questions()]
        report = {"questions": asked, "seconds": round(time.monotonic() - began, 2)}
        if keep:
            stage.leave_running()
            report["kept"], kept = _kept(url), True
        return report
    except PodiumError:
        _tell_logs(stage, tell)  # the folder goes with the demo, and the reason with it
        raise
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # taking down is under way: a second Ctrl-C must not leave anything behind
        if not kept:
            stage.close()
            shutil.rmtree(folder, ignore_errors=True)
        _restore(outer)


def _tell_logs(stage: Stage, tell: Tell) -> None:
    """The last lines of each pod's log."""
    for pod in stage.pods:
        log = pod.folder / "pod.log"
        for line in log.read_text("utf-8", "replace").splitlines()[-5:] if log.is_file() else []:
            tell(f"{pod.config.identifier}: {line}")


def passed(report: dict[str, Any]) -> bool:
    """Whether every question was answered by both pods within its tolerance."""
    return all(
        entry["status"] == Status.RELEASED and len(entry["pods"]) == len(PODS) and entry["difference"] <= entry["tolerance"]
        for entry in report["questions"]
    )


def _signed_in(url: str) -> Session:
    import podium

    session = podium.connect(url, user=ANALYST, trust="pinned")
    for pod in (f"{OWNER}/{name}" for name in PODS):
        _grant(pod, session.fingerprint)
        # Custodian and analyst share this machine, so the key is compared without the hub's word.
        session.accept_key(pod, RSAKeyPair.load(pod_folder(pod) / "keys" / "identity.pem").fingerprint)
    return session


def _grant(pod: str, analyst: str) -> None:
    from podium.crypto.custodian import custodian_key
    from podium.policy.grants import Grant, sign_grant

    stores = project.load("schemas.stores")
    key, now = custodian_key(), int(time.time())
    grant = Grant(
        id=f"demo-{pod.split('/')[1]}",
        pod=pod,
        analyst=analyst,
        alias="Ana (demo)",
        datasources=("tumours",),
        protocols=("*",),
        algorithms=("*",),
        columns=("diagnosis", "radius_band", *MEASURES),
        not_before=now,
        expires=now + 7 * 86_400,
        max_runs=100,
    )
    database = stores.PodDatabase.of(folder=pod_folder(pod), pod=pod)
    stores.GrantStore(database).add(grant.id, sign_grant(grant, custodian=key.fingerprint, sign=key.sign), now=now)
    database.close()


def _ask(session: Session, question: Question, frame: pd.DataFrame, tell: Tell) -> dict[str, Any]:
    tell(f"Asking: {question.name}")
    began = time.monotonic()
    answer = session.ask(question.algorithm, pods=[f"{OWNER}/{pod}" for pod in PODS], datasource="tumours", timeout=ANSWER_SECONDS)
    return _report(question, answer, frame, seconds=time.monotonic() - began)


def _report(question: Question, answer: Answer, frame: pd.DataFrame, *, seconds: float) -> dict[str, Any]:
    rules = Rules()
    mine, pool = answered(question, answer.result), pooled(question, frame, rules)
    return {
        "name": question.name,
        "status": str(answer.status),
        "pods": {
            pod: {"status": str(run.status), "rows": run.rows, "kept_back_by": list(run.suppressed)} for pod, run in answer.runs.items()
        },
        "rows": answer.rows,
        "answer": mine if question.tabular else mine.get(""),
        "pooled": pool if question.tabular else pool.get(""),
        "difference": difference(mine, pool),
        "tolerance": tolerance(question, pods=len(PODS), rules=rules),
        "seconds": round(seconds, 3),
    }


def _kept(url: str) -> dict[str, str]:
    from podium.runner import server

    prefect = server.current()
    user, _, password = prefect.auth.partition(":")
    return {"home": os.environ["PODIUM_HOME"], "hub": url, "prefect": prefect.ui, "user": user, "password": password}


def _restore(home: str | None) -> None:
    if home is None:
        os.environ.pop("PODIUM_HOME", None)
    else:
        os.environ["PODIUM_HOME"] = home
