"""`podium approvals`: the tasks that wait for a yes or a no, and what was said about the others."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from podium.cli._frame import JsonFlag, emit

if TYPE_CHECKING:
    from podium.config import PodConfig
    from podium.policy.approvals import Answer

app = typer.Typer(no_args_is_help=True)
Pod = Annotated[str, typer.Option("--pod", metavar="OWNER/NAME", help="The pod; it must have been started here once.", show_default=False)]
Run = Annotated[str, typer.Argument(metavar="RUN", help="The run, or the beginning of its id.", show_default=False)]
Reason = Annotated[str, typer.Option(help="Kept with the answer, in the pod's database.")]


@app.command("list")
def list_(pod: Pod, every: Annotated[bool, typer.Option("--all", help="Answered ones too.")] = False, as_json: JsonFlag = False) -> None:
    """What waits for an answer, the newest first."""
    _, store = _open(pod)
    found = [_fields(asked, run) for asked, run in store.every() if every or _state(asked, run) == "open"]

    def show() -> None:
        from rich.console import Console

        from podium.cli._table import lean

        table = lean("run", "for", "algorithm", "datasource", "answer", "by", "until", whole=["run", "by"])
        for f in found:
            table.add_row(f["run"][:8], f["alias"], f["algorithm"], f["datasource"], f["state"], f["by"][:8], _when(f["expires"]))
        Console().print(table if found else f"Nothing waits for an answer at {pod}.")

    emit(found, as_json=as_json, human=show)


@app.command()
def show(run: Run, pod: Pod, as_json: JsonFlag = False) -> None:
    """Everything about one question, with the task word by word."""
    import json

    config, store = _open(pod)
    fields = _fields(*_find(store, pod, run))
    lines = [f"{name}: {value}" for name, value in fields.items() if name != "task" and value not in ("", None)]
    lines += [*_repeats(fields["task"]), *_keeps(fields["task"], config)]
    emit(fields, as_json=as_json, human="\n".join([*lines, json.dumps(fields["task"], indent=2, ensure_ascii=False)]))


@app.command()
def approve(run: Run, pod: Pod, reason: Reason = "", as_json: JsonFlag = False) -> None:
    """Say yes to this one run of this very task, signed with the custodian's key. It is queued at once."""
    _answer(pod, run, "yes", reason, as_json=as_json)


@app.command()
def reject(run: Run, pod: Pod, reason: Reason = "", as_json: JsonFlag = False) -> None:
    """Say no, signed with the custodian's key. The analyst gets the same word as for any refusal."""
    _answer(pod, run, "no", reason, as_json=as_json)


def _answer(pod: str, prefix: str, decision: Answer, reason: str, *, as_json: bool) -> None:
    from podium.crypto.custodian import custodian_key, trusted_custodian
    from podium.crypto.keys import fingerprint
    from podium.errors import TrustError
    from podium.policy.approvals import Approval, sign_approval

    config, store = _open(pod)
    asked, _ = _find(store, pod, prefix)
    key, now = custodian_key(), int(time.time())
    if key.fingerprint != fingerprint(trusted_custodian(config, config.folder)):
        raise TrustError(
            f"{pod} obeys another custodian's key than the one here.",
            remedy="Answer with the PODIUM_HOME that has it; see: podium keys show",
        )
    approval = Approval(
        pod=pod, run=asked.run, task_digest=asked.task_digest, grant=asked.grant_id, decision=decision, reason=reason, at=now
    )
    signed = sign_approval(approval, custodian=key.fingerprint, sign=key.sign)
    if not store.decide(asked.run, decision, by=key.fingerprint, now=now, reason=reason, signed=signed):
        _too_late(*_find(store, pod, asked.run))
    word = "approved" if decision == "yes" else "rejected"
    emit(approval.model_dump(mode="json"), as_json=as_json, human=f"Run {asked.run[:8]} is {word}.")


def _too_late(asked: Any, run: Any) -> None:
    from podium.errors import TaskError

    state = _state(asked, run)
    said = f"the answer is {state!r} already, by {asked.by[:8]} on {_when(asked.decided_at)}" if asked.by else f"the run has ended: {state}"
    what = "its time is over" if state == "expired" else said
    raise TaskError(f"nothing was changed: {what}.", field="run", remedy="The analyst may ask again.", code="answered")


def _repeats(task: dict[str, Any]) -> list[str]:
    """That the yes is to every repeat too, where the task stands."""
    from podium.contracts import Task

    repeat = Task.model_validate(task).repeat
    return [f"repeats: {repeat.words}; a yes is a yes to each of them"] if repeat else []


def _keeps(task: dict[str, Any], config: PodConfig) -> list[str]:
    """That each datapoint will have a result here, where the algorithm gives one."""
    from podium.algorithms import Algorithm, Scoring

    if not issubclass(Algorithm.of(task["algorithm"]["kind"]), Scoring):
        return []
    kept = "is kept at this pod, sealed, for its custodian alone" if config.history.pod_db else "is not kept: history.pod_db is false"
    return [f"results: a number for each datapoint {kept}; what leaves is how they are spread"]


def _open(pod: str) -> tuple[Any, Any]:
    from podium import project
    from podium.config import saved_pod

    config = saved_pod(pod)
    database = project.load("schemas.stores").PodDatabase.of(folder=config.folder, url=config.history.url, pod=pod)
    return config, project.load("schemas.approvals").ApprovalStore(database)


def _find(store: Any, pod: str, prefix: str) -> tuple[Any, Any]:
    """The one approval of a run that begins like this, and the run."""
    from podium.errors import ConfigError

    found = [(asked, run) for asked, run in store.every() if asked.run.startswith(prefix)] if re.fullmatch("[0-9a-f]{4,32}", prefix) else []
    if len(found) != 1:
        many = "more than one run begins with" if found else "nothing was asked about a run"
        raise ConfigError(f"{many} {prefix!r}.", field="run", remedy=f"See: podium approvals list --all --pod {pod}")
    return found[0]


def _state(asked: Any, run: Any) -> str:
    """`open`, `yes`, `no`, `expired`, or how the run ended without an answer."""
    if asked.decision or run.status.final:
        return asked.decision or str(run.status.value)
    return "expired" if time.time() >= asked.expires else "open"


def _fields(asked: Any, run: Any) -> dict[str, Any]:
    import json

    return {
        "run": asked.run,
        "state": _state(asked, run),
        "status": run.status.value,
        "alias": run.alias,
        "analyst": run.analyst,
        "grant": asked.grant_id,
        "approver": asked.approver,
        "algorithm": run.algorithm,
        "datasource": run.datasource,
        "task_digest": asked.task_digest,
        "asked_at": asked.asked_at,
        "expires": asked.expires,
        "by": asked.by,
        "reason": asked.reason,
        "decided_at": asked.decided_at,
        "task": json.loads(run.task_json),
    }


def _when(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
