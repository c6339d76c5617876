"""An answer as people and programs read it on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podium.contracts import Status
from podium.text import printable

if TYPE_CHECKING:
    from podium.client import Answer, Run
    from podium.client.figures import Figures

EXIT = {Status.RELEASED: 0, Status.PARTIAL: 0}
NOT_RELEASED = 7


def as_data(answer: Answer) -> dict[str, Any]:
    """The answer as JSON values; a table is a list of rows."""
    return {"task": answer.id, **figures_data(answer), **standing_data(answer)}


def standing_data(answer: Answer) -> dict[str, Any]:
    """Of a standing task: the pods where it stands, and its repeats so far."""
    if answer.question.repeat is None:
        return {}
    return {"standing": list(answer.standing), "repeats": [{"no": one.no, "status": one.status} for one in answer.repeats]}


def figures_data(answer: Figures) -> dict[str, Any]:
    """The figures, and each pod's part."""
    result = answer.result
    table = result.astype(object).where(result.notna(), None).to_dict("records") if hasattr(result, "to_dict") else result
    if hasattr(result, "model_dump"):
        table = result.model_dump(mode="json")
    runs = {
        pod: {"status": run.status, "rows": run.rows, "suppressed": list(run.suppressed), "code": run.code, "message": run.message}
        for pod, run in answer.runs.items()
    }
    return {
        "status": answer.status,
        "rows": answer.rows,
        "result": table,
        "suppressed": list(answer.suppressed),
        "runs": runs,
    }


def show(answer: Answer) -> None:
    """Print the answer, and of a standing task where it stands."""
    from rich.console import Console

    show_figures(f"Task {answer.id}", answer)
    if answer.question.repeat is not None:
        Console(markup=False, emoji=False).print(printable("\n".join(standing_lines(answer))))


def standing_lines(answer: Answer) -> list[str]:
    """Of a standing task: when it is asked again, where, and what came of it so far."""
    repeat = answer.question.repeat
    if repeat is None:
        return []
    stands = f"at {', '.join(answer.standing)}" if answer.standing else "nowhere any more"
    lines = [f"Asked {repeat.words}; stands {stands}."]
    return [*lines, *(f"  repeat {one.no}: {one.status} (podium task result {answer.id} --repeat {one.no})" for one in answer.repeats)]


def show_figures(head: str, answer: Figures) -> None:
    """Print status, result, and each pod's part. Pods chose the levels and the messages: nothing in them is obeyed."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(markup=False, emoji=False)
    console.print(Text.assemble(printable(f"{head}: "), (printable(answer.status), "bold")))
    result = answer.result
    if hasattr(result, "columns"):
        table = Table(*(printable(str(name)) for name in result.columns))
        for row in result.itertuples(index=False):
            table.add_row(*("-" if _missing(value) else printable(str(value)) for value in row))
        console.print(table)
    elif result is not None:
        console.print(printable(str(result)), style="bold")
    for pod, run in answer.runs.items():
        rules = f"; kept back by {', '.join(run.suppressed)}" if run.suppressed else ""
        rows = f", {run.rows} rows (rounded)" if run.rows else ""
        why = f": {run.message}" if run.message else ""
        console.print(printable(f"  {pod}: {run.status}{rows}{rules}{why}"))


def progress(pod: str, run: Run) -> str:
    """How far one pod is, in a few words."""
    return f"{pod} {run.status}" + (f" (round {run.round})" if run.round else "")


def exit_code(answer: Figures) -> int:
    """0 when something was released, 7 when the task ended without, 0 while it goes on."""
    return EXIT.get(answer.status, NOT_RELEASED if answer.status.final else 0)


def _missing(value: Any) -> bool:
    import pandas as pd

    return bool(pd.isna(value))
