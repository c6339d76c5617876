"""`podium pod history`: what was asked of the pods here, and what became of it. For the custodian alone: it shows what was released.

What is printed is in `_history_runs`, `_history_tasks` and `_history_datapoint`; `_history_change` has the two verbs that write
into the database, `_history_report` the one that writes a file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from podium.cli._frame import JsonFlag, emit
from podium.cli._history_change import prune, retry
from podium.cli._history_report import report
from podium.cli._pods import Which

DEFAULT = "show"


class HistoryVerbs(TyperGroup):
    """`prune`, `report` and `retry` are verbs; whatever else follows `podium pod history` is for `show`."""

    default = DEFAULT

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in self.commands:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=HistoryVerbs, help="What was asked of the pods here, and what became of it.")
app.command()(prune)
app.command()(retry)
app.command()(report)


@app.command(hidden=True, epilog="Verbs of its own, each with --help: podium pod history prune, report, retry.")
def show(
    pod: Which = "",
    run: Annotated[str, typer.Option(metavar="ID", help="One run in detail; the first characters of its id will do.")] = "",
    tasks: Annotated[bool, typer.Option("--tasks", help="The questions, newest first.")] = False,
    task: Annotated[
        str, typer.Option(metavar="ID", help="One question with its runs: its number, an analyst's task, or the beginning of its digest.")
    ] = "",
    datapoint: Annotated[str, typer.Option(metavar="KEY", help="Which results used this datapoint?")] = "",
    datasource: Annotated[str, typer.Option(metavar="NAME", help="The datasource of the datapoint.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many runs of each pod, the newest first.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """What was asked of the pods here, and what became of it. The pod may be at work."""
    from podium.cli import _history_datapoint, _history_runs, _history_tasks
    from podium.cli._history_readers import Readers
    from podium.cli._pods import pods_meant

    _one_at_a_time({"--run": run, "--tasks": tasks, "--task": task, "--datapoint": datapoint}, datasource=datasource)
    with Readers(pods_meant(pod)) as readers:
        found: Any
        draw: Callable[[Any], None]
        if run:
            found, draw = readers.run(run), _history_runs.show_one
        elif task:
            found, draw = readers.task(task), _history_tasks.show_one
        elif tasks:
            found, draw = readers.tasks(), _history_tasks.show_all
        elif datapoint:
            found, draw = _history_datapoint.look_up(readers, datapoint, datasource=datasource), _history_datapoint.show
        else:
            found, draw = readers.runs(limit), _history_runs.show_all
        emit(found, as_json=as_json, human=lambda: draw(found))


def _one_at_a_time(asked: dict[str, str | bool], *, datasource: str) -> None:
    from podium.errors import ConfigError

    given = [name for name, value in asked.items() if value]
    if len(given) > 1:
        raise ConfigError(f"{' and '.join(given)} are different questions.", field=given[1], remedy="Ask them one at a time.")
    if datasource and given != ["--datapoint"]:
        raise ConfigError("it says where a datapoint is looked for.", field="--datasource", remedy="Say which: --datapoint KEY.")
