"""`podium task`: the questions you have asked from this PODIUM_HOME."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from podium.cli._frame import JsonFlag, emit

if TYPE_CHECKING:
    from podium.client import Answer
    from podium.client.repeats import Repeated

app = typer.Typer(no_args_is_help=True)
CANCEL_SECONDS = 5.0  # a pod that is there has ended by then
Id = Annotated[str, typer.Argument(metavar="TASK", help="The task's identifier, as `podium ask` printed it.", show_default=False)]


@app.command("list")
def list_(as_json: JsonFlag = False) -> None:
    """Every task asked from here, the newest first."""
    from podium.client.session import open_answer
    from podium.client.store import stored_tasks
    from podium.config import home

    answers = [open_answer(store.task) for store in stored_tasks(home())]
    data: list[dict[str, Any]] = [
        {"task": a.id, "status": a.status, "pods": list(a.runs), "standing": list(a.standing), "repeats": len(a.repeats)} for a in answers
    ]

    def line(d: dict[str, Any]) -> str:
        stands = f"  (stands; {d['repeats']} repeats)" if d["standing"] else ""
        return f"{d['task']}  {d['status']:<10}  {', '.join(d['pods'])}{stands}"

    emit(data, as_json=as_json, human="\n".join(map(line, data)) or "No task yet.")


@app.command()
def status(task: Id, as_json: JsonFlag = False) -> None:
    """How far each pod is."""
    from podium.cli._answers import as_data, standing_lines
    from podium.client.session import open_answer

    answer = open_answer(task).refresh()
    data = {name: value for name, value in as_data(answer).items() if name != "result"}
    lines = [f"{answer.id}: {answer.status}", *(f"  {pod}: {run.status} {run.message}".rstrip() for pod, run in answer.runs.items())]
    lines += standing_lines(answer)
    emit(data, as_json=as_json, human="\n".join(lines))


@app.command()
def result(
    task: Id,
    repeat: Annotated[int, typer.Option("--repeat", metavar="N", min=1, help="Of a standing task: its n-th answer.")] = 1,
    as_json: JsonFlag = False,
) -> None:
    """The answer, as far as it has arrived."""
    from podium.cli._answers import as_data, exit_code, figures_data, show, show_figures
    from podium.client.session import open_answer

    answer = open_answer(task).refresh()
    if repeat > 1:
        one = _repeat(answer, repeat)
        data = {"task": answer.id, "repeat": repeat, **figures_data(one)}
        emit(data, as_json=as_json, human=lambda: show_figures(f"Task {answer.id}, repeat {repeat}", one))
        raise typer.Exit(exit_code(one))
    emit(as_data(answer), as_json=as_json, human=lambda: show(answer))
    if code := exit_code(answer):
        raise typer.Exit(code)


def _repeat(answer: Answer, no: int) -> Repeated:
    from podium.errors import TaskError

    found = [one for one in answer.repeats if one.no == no]
    if not found:
        known = ", ".join(str(one.no) for one in answer.repeats) or "none yet"
        raise TaskError(f"no pod has answered repeat {no}.", field="--repeat", remedy=f"There are: {known}.", code="unknown_repeat")
    return found[0]


@app.command()
def cancel(task: Id, as_json: JsonFlag = False) -> None:
    """End it at every pod that has not answered yet, or where it stands."""
    from podium.cli._answers import as_data
    from podium.client.session import open_answer

    answer = open_answer(task).cancel().wait(CANCEL_SECONDS)
    data = {name: value for name, value in as_data(answer).items() if name != "result"}
    late = " (the cancel waits for it at the hub)"
    lines = [f"  {pod}: {run.status}{'' if run.status.final else late} {run.message}".rstrip() for pod, run in answer.runs.items()]
    lines += [f"  {pod}: still stands{late}" for pod in answer.standing]
    emit(data, as_json=as_json, human="\n".join([f"{answer.id}: {answer.status}", *lines]))


@app.command()
def example(
    kind: Annotated[str, typer.Argument(metavar="[KIND]", help="An algorithm, such as count or mean.")] = "mean", as_json: JsonFlag = False
) -> None:
    """Print an ask file to start from."""
    import yaml

    from podium.algorithms import Algorithm
    from podium.cli._schemas import published

    algorithm = Algorithm.of(kind).sample().dump()
    fields: dict[str, Any] = {"pods": ["owner/clinic-a", "owner/clinic-b"], "datasource": "patients", "algorithm": algorithm}
    fields.update(new_data_only=False, allow_partial=False)
    schema = published("ask-file")
    head = f"# yaml-language-server: $schema={schema}\n" if schema else ""
    emit(fields, as_json=as_json, human=head + yaml.safe_dump(fields, sort_keys=False).rstrip())
