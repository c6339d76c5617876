"""Brief: what a custodian reads in Prefect's UI before she answers, and the form that she answers on. The form's default is no.

Prefect keeps all of it, so there is no filter, category or SQL in it: names only. `podium approvals show` has the rest.
"""

from __future__ import annotations

from datetime import UTC, datetime

from prefect.input import RunInput
from pydantic import Field

from podium.algorithms import Algorithm, Scoring
from podium.contracts import Task
from podium.errors import TaskError
from schemas.records import ApprovalRecord
from tasks.desk import Desk, open_desk
from tasks.step import coded

PLAIN = " ._,:-+@"


class Form(RunInput):
    """A custodian's answer as Prefect's UI asks for it. A switch, for a list to choose from does not open there under the mouse."""

    approve: bool = Field(default=False, description="On: yes, the task runs now. Off: no, it is refused.")
    reason: str = Field(default="", max_length=500, description="For your own records. Prefect keeps what you write here: nothing private.")


@coded
async def open_question(pod: str, run: str) -> tuple[Desk, ApprovalRecord]:
    """The pod's desk, and what its tables say about this question. Raises TaskError (`unknown_run`)."""
    desk = open_desk(pod)
    asked = desk.approvals.get(run)
    if asked is None:
        raise TaskError("nobody is asked about such a run.", field="run", code="unknown_run")
    return desk, asked


def form(desk: Desk, asked: ApprovalRecord) -> type[Form]:
    """The form, with the brief above it."""
    return Form.with_initial_data(description=brief(desk, asked))


def brief(desk: Desk, asked: ApprovalRecord) -> str:
    """Who asks for what, of which columns, until when; in Markdown."""
    record = desk.runs.get(asked.run)
    task = Task.model_validate_json(record.task_json)
    algorithm = Algorithm.load(task.algorithm)
    lines = {
        "Asked by": record.alias,
        "Algorithm": record.algorithm,
        "Columns read": ", ".join(algorithm.columns()) or "none",
        "Datasource": record.datasource,
        "Protocol": str(task.protocol["kind"]),
        **_kept(desk, algorithm),
        "Answer before": datetime.fromtimestamp(asked.expires, UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    first, *others = (f"| {name} | {_cell(value)} |" for name, value in lines.items())
    table = "\n".join([first, "|---|---|", *others])
    verb = f"{asked.run[:8]} --pod {desk.config.identifier}"
    unsigned = f"\n\n**An answer given here does not count**: this grant wants a signed one, by `podium approvals approve {verb}`."
    return (
        f"### May this task run on {desk.tag}?\n\n{table}\n\n"
        f"What exactly is asked, with every condition: `podium approvals show {verb}`. Without an answer in time it expires."
        f"{unsigned if asked.approver == 'signed' else ''}"
    )


def _kept(desk: Desk, algorithm: Algorithm) -> dict[str, str]:
    """What stays at the pod, where the algorithm gives each datapoint a number."""
    keeps = desk.config.history.pod_db and isinstance(algorithm, Scoring)
    return {"Stays at this pod": "a number for each datapoint, for you alone"} if keeps else {}


def _cell(text: str) -> str:
    """As plain words in a Markdown table; what could be markup is left to `podium approvals show`."""
    return "".join(c if c.isalnum() or c in PLAIN else "·" for c in text)
