"""`podium pod history`: what was asked of the pods here, and what became of it. For the custodian alone: it shows what was released."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from podium.cli._frame import JsonFlag, emit
from podium.cli._pods import Which
from podium.text import printable

if TYPE_CHECKING:
    from rich.console import Console

SHORT = 8
COUNTS = ("new", "changed", "unchanged")


def history(
    pod: Which = "",
    run: Annotated[str, typer.Option(metavar="ID", help="One run in detail; the first characters of its id will do.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many runs of each pod, the newest first.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """What was asked of the pods here, and what became of it. The pod may be at work."""
    from podium import project
    from podium.cli._pods import pods_meant
    from podium.config import saved_pod

    pods = pods_meant(pod)
    reading = project.load("schemas.reading")
    readers: dict[str, Any] = {}
    for name in pods:
        config = saved_pod(name)
        readers[name] = reading.RunReader(folder=config.folder, pod=name, url=config.history.url)
    try:
        if run:
            found = _one(readers, run.strip().lower())
            emit(found, as_json=as_json, human=lambda: _show_one(found))
        else:
            listed = [{"pod": name, **fields} for name, reader in readers.items() for fields in reader.runs(limit)]
            listed.sort(key=lambda fields: -fields["received_at"])
            emit(listed, as_json=as_json, human=lambda: _show_all(listed))
    finally:
        for reader in readers.values():
            reader.close()


def _one(readers: dict[str, Any], prefix: str) -> dict[str, Any]:
    from podium.errors import ConfigError
    from podium.text import shortened

    fitting = [(name, run) for name, reader in readers.items() for run in reader.like(prefix)]
    if not fitting:
        remedy = "See: podium pod history" if readers else "Start one: podium pod start FILE"
        raise ConfigError(f"no run begins with {shortened(repr(prefix))}.", field="--run", remedy=remedy)
    if len(fitting) > 1:
        raise ConfigError(f"{len(fitting)} runs begin with {shortened(repr(prefix))}.", field="--run", remedy="Give more of the id.")
    name, run = fitting[0]
    return {"pod": name, **readers[name].run(run)}


def _show_all(runs: list[dict[str, Any]]) -> None:
    from rich.table import Column, Table

    console = _console()
    if not runs:
        console.print("Nothing was asked yet.")
        return
    several = len({run["pod"] for run in runs}) > 1
    right = [Column(name, justify="right") for name in ("new", "changed", "unchanged")]
    table = Table(
        Column("run", no_wrap=True), *(["pod"] if several else []), "status", "asked by", "algorithm", "datasource", *right, "when"
    )
    for run in runs:
        status = f"{run['status']} ({run['code']})" if run["code"] else run["status"]
        who = run["alias"] or run["analyst"][:SHORT] or "-"
        cells = [run["id"][:SHORT], *([run["pod"]] if several else []), status, who, run["algorithm"] or "-", run["datasource"] or "-"]
        cells += ["-" if run[name] is None else run[name] for name in COUNTS]
        table.add_row(*(printable(str(cell)) for cell in cells), _time(run["received_at"]))
    console.print(table)


def _show_one(run: dict[str, Any]) -> None:
    console = _console()
    console.print(printable(f"Run {run['id']} at {run['pod']}: {run['status']}") + (f" ({printable(run['code'])})" if run["code"] else ""))
    who = f"{run['alias'] or 'somebody'}, key {run['analyst']}" if run["analyst"] else "nobody who is known"
    lines = {
        "asked by": who,
        "task": run["task"] or "-",
        "question": _question(run["task_json"]),
        "decision": _decision(run["decision"]),
        "datapoints": ", ".join(f"{'-' if run[name] is None else run[name]} {name}" for name in COUNTS),
        "rows read": "-" if run["rows_read"] is None else str(run["rows_read"]),
        "kept back by": _rules(run["suppressed"]),
        "released": "nothing" if not run["rows_released"] else f"figures of {run['rows_released']} rows (rounded)",
        "received": _time(run["received_at"]),
        "started": _time(run["started_at"]) + (f", {run['tries']} tries" if run["tries"] > 1 else ""),
        "ended": _time(run["finished_at"]),
        "reply sent": _time(run["replied_at"]),
        "flow run": run["flow_run"] or "-",
    }
    for name, value in lines.items():
        console.print(printable(f"  {name:<13} {value}"), soft_wrap=True)
    _show_released(run["released"], console)


def _show_released(released: dict[str, Any] | None, console: Console) -> None:
    from rich.table import Table

    if not released or not released.get("cells"):
        return
    names = list(released["cells"][0]["values"])
    table = Table(*(printable(str(name)) for name in (*released["by"], *names)), title="What left", title_justify="left")
    for cell in released["cells"]:
        figures = (cell["values"].get(name, "-") for name in names)
        table.add_row(*(printable("-" if part is None else str(part)) for part in (*cell["key"], *figures)))
    console.print(table)


def _question(task_json: str) -> str:
    if not task_json:
        return "-"
    task = json.loads(task_json)
    return json.dumps({key: value for key, value in task.items() if key != "v"}, ensure_ascii=False)


def _decision(decision: dict[str, Any] | None) -> str:
    from podium.policy.decide import REASONS

    if decision is None:
        return "none was taken"
    if decision["allowed"]:
        return f"yes, under grant {decision['grant']}"
    return "no: " + "; ".join(REASONS.get(reason, reason) for reason in decision["reasons"])


def _rules(suppressed: list[dict[str, str]] | None) -> str:
    if suppressed is None:
        return "not known: no result was kept"
    return ", ".join(f"{each['rule']} ({each['scope']})" for each in suppressed) or "no rule"


def _time(seconds: int | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else "-"


def _console() -> Console:
    from rich.console import Console

    return Console(markup=False, emoji=False, highlight=False)
