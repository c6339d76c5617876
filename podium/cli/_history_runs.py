"""Runs as `podium pod history` prints them: in a table, and one in detail."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from podium.text import printable

if TYPE_CHECKING:
    from rich.console import Console

SHORT = 8
ALWAYS, IF_ANY = ("new", "changed", "unchanged"), ("quarantined", "gone")


def show_all(runs: list[dict[str, Any]]) -> None:
    from rich.table import Column, Table

    console = console_()
    if not runs:
        console.print("Nothing was asked yet.")
        return
    several = len({run["pod"] for run in runs}) > 1
    counts = counts_in(runs)
    right = [Column(name, justify="right") for name in counts]
    table = Table(
        Column("run", no_wrap=True), *(["pod"] if several else []), "status", "asked by", "algorithm", "datasource", *right, "when"
    )
    for run in runs:
        status = f"{run['status']} ({run['code']})" if run["code"] else run["status"]
        who = run["alias"] or run["analyst"][:SHORT] or "-"
        cells = [run["id"][:SHORT], *([run["pod"]] if several else []), status, who, run["algorithm"] or "-", run["datasource"] or "-"]
        cells += [number(run[name]) for name in counts]
        table.add_row(*(printable(str(cell)) for cell in cells), time_(run["received_at"]))
    console.print(table)


def show_one(run: dict[str, Any]) -> None:
    console = console_()
    console.print(printable(f"Run {run['id']} at {run['pod']}: {run['status']}") + (f" ({printable(run['code'])})" if run["code"] else ""))
    who = f"{run['alias'] or 'somebody'}, key {run['analyst']}" if run["analyst"] else "nobody who is known"
    lines = {
        "asked by": who,
        "task": run["task"] or "-",
        "question": _question(run["task_json"]),
        "decision": _decision(run["decision"]),
        "datapoints": ", ".join(f"{number(run[name])} {name}" for name in counts_in([run])),
        "rows read": number(run["rows_read"]),
        "contract": broken(run["broken"]) if run["parts"] else "-",
        "kept back by": _rules(run["suppressed"]),
        "released": "nothing" if not run["rows_released"] else f"figures of {run['rows_released']} rows (rounded)",
        "received": time_(run["received_at"]),
        "started": time_(run["started_at"]) + (f", {run['tries']} tries" if run["tries"] > 1 else ""),
        "ended": time_(run["finished_at"]),
        "reply sent": time_(run["replied_at"]),
        "flow run": run["flow_run"] or "-",
    }
    if run["repeat_no"]:
        lines["repeat"] = f"{run['repeat_no']} of the standing task that came with run {run['standing'][:SHORT]}"
    if run["results"]:
        lines["results"] = f"{run['results']}; see: podium pod history report --run {run['id'][:SHORT]} --to FILE"
    if run["task_no"] is not None:
        lines["history"] = f"question {run['task_no']}; see: podium pod history --task {run['task_no']}"
    for name, value in lines.items():
        console.print(printable(f"  {name:<13} {value}"), soft_wrap=True)
    _show_parts(run["parts"], console)
    _show_released(run["released"], console)


def counts_in(runs: list[dict[str, Any]]) -> list[str]:
    """The counts that say something of these runs: quarantined and gone only where there is one that is not zero."""
    return [*ALWAYS, *(name for name in IF_ANY if any(run[name] for run in runs))]


def number(count: int | None) -> str:
    """A count, or a dash where there is none."""
    return "-" if count is None else str(count)


def broken(rules: dict[str, int]) -> str:
    """How many rows broke which rule."""
    return ", ".join(f"{rule}: {count}" for rule, count in rules.items()) or "no rule was broken"


def _show_parts(parts: list[dict[str, Any]], console: Console) -> None:
    from rich.table import Column, Table

    if not parts:
        return
    counts = ("rows", "used", "new", "changed", "unchanged", "quarantined")
    table = Table("part", *(Column(name, justify="right") for name in counts), "when", title="What it read", title_justify="left")
    for part in parts:
        table.add_row(printable(part["part"]), *(str(part[name]) for name in counts), time_(part["at"]))
    console.print(table)


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


def time_(seconds: int | None) -> str:
    """Local time, or a dash."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else "-"


def console_() -> Console:
    """A console that takes no word for markup."""
    from rich.console import Console

    return Console(markup=False, emoji=False, highlight=False)
