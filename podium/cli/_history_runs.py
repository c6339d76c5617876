"""Runs as `podium pod history` prints them: in a table, and one in detail."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from podium.cli._table import lean, stacked
from podium.text import printable

if TYPE_CHECKING:
    from rich.console import Console

SHORT = 8
COUNTS = ("new", "changed", "unchanged", "quarantined", "gone")


def show_all(runs: list[dict[str, Any]]) -> None:
    console = console_()
    if not runs:
        console.print("Nothing was asked yet.")
        return
    several = len({run["pod"] for run in runs}) > 1
    heads = ("run", *(["pod"] if several else []), "status", "asked by", "question", "datapoints", "when")
    table = lean(*heads, whole=["run", "status", "when"])
    for run in runs:
        status = f"{run['status']} ({run['code']})" if run["code"] else run["status"]
        who = run["alias"] or run["analyst"][:SHORT] or "-"
        cells = [run["id"][:SHORT], *([run["pod"]] if several else []), stacked(status), who, question(run), counted(run)]
        table.add_row(*(printable(cell, keep="\n") for cell in cells), stacked(time_(run["received_at"])))
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
        "datapoints": counted(run),
        "rows read": number(run["rows_read"]),
        "contract": broken(run["broken"]) if run["parts"] else "-",
        "kept back by": _rules(run["suppressed"]),
        "released": "nothing" if not run["rows_released"] else f"figures of {run['rows_released']:,} rows (rounded)",
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


def counted(run: dict[str, Any]) -> str:
    """The counts that say something: those that are not zero; a dash where nothing was counted."""
    known = {name: run[name] for name in COUNTS if run[name] is not None}
    some = {name: count for name, count in known.items() if count} or dict(list(known.items())[:1])
    return ", ".join(f"{count:,} {name}" for name, count in some.items()) or "-"


def question(run: dict[str, Any]) -> str:
    """What was asked, in a few words; a dash where the message could not be read."""
    return f"{run['algorithm']} of {run['datasource']}" if run["algorithm"] else "-"


def number(count: int | None) -> str:
    """A count, or a dash where there is none."""
    return "-" if count is None else f"{count:,}"


def broken(rules: dict[str, int]) -> str:
    """How many rows broke which rule."""
    return ", ".join(f"{rule}: {count:,}" for rule, count in rules.items()) or "no rule was broken"


def _show_parts(parts: list[dict[str, Any]], console: Console) -> None:
    parts = [part for part in parts if part["part"]]  # without a name: the note of what is gone
    if not parts:
        return
    table = lean("part", "rows", "used", "datapoints", "when", whole=["when"], counts=["rows", "used"], title="What it read")
    for part in parts:
        row = (printable(part["part"]), number(part["rows"]), number(part["used"]), counted({"gone": None, **part}))
        table.add_row(*row, stacked(time_(part["at"])))
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
