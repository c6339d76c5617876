"""Questions as `podium pod history` prints them: in a table, and one with all its runs and parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podium.cli._history_runs import SHORT, broken, console_, counted, number, question, time_
from podium.cli._table import lean, stacked
from podium.text import printable

if TYPE_CHECKING:
    from rich.console import Console


def show_all(tasks: list[dict[str, Any]]) -> None:
    """The questions of all pods that are meant."""
    console = console_()
    if not tasks:
        console.print("No question has come as far as the data yet.")
        return
    several = len({task["pod"] for task in tasks}) > 1
    counts = ("datapoints", "quarantined", "runs")
    heads = ("no", *(["pod"] if several else []), "digest", "question", *counts, "last run", "when")
    table = lean(*heads, whole=["no", "digest", "last run", "when"], counts=counts)
    for task in tasks:
        cells = [str(task["no"]), *([task["pod"]] if several else []), task["question"][:SHORT], question(task)]
        cells += [*(number(task[name]) for name in counts), task["last_run"][:SHORT] or "-"]
        table.add_row(*(printable(cell) for cell in cells), stacked(time_(task["last_run_at"])))
    console.print(table)


def show_one(task: dict[str, Any]) -> None:
    """One question."""
    console, totals = console_(), task["totals"]
    console.print(printable(f"Question {task['no']} at {task['pod']}: {task['algorithm']} of {task['datasource']}"))
    lines = {
        "digest": task["question"],
        "asked first": time_(task["first_at"]),
        "datapoints": f"{task['known']:,} known, {task['in_quarantine']:,} in quarantine, {task['gone']:,} gone",
        "runs": ", ".join(f"{count} {status}" for status, count in totals["statuses"].items()) or "none",
        "together": counted(totals),
        "contract": broken(totals["broken"]),
    }
    if task["results"]:
        lines["results"] = f"{task['results']}; see: podium pod history report --task {task['no']} --to FILE"
    for name, value in lines.items():
        console.print(printable(f"  {name:<13} {value}"), soft_wrap=True)
    _show_runs(task["runs"], console)
    _show_parts(task["parts"], console)


def _show_runs(runs: list[dict[str, Any]], console: Console) -> None:
    repeats = any(run["repeat_no"] for run in runs)
    heads = ("run", *(["repeat"] if repeats else []), "status", "asked by", "datapoints", "broke a rule", "when")
    table = lean(*heads, whole=["run", "status", "when"], counts=["broke a rule"])
    for run in runs:
        status = f"{run['status']} ({run['code']})" if run["code"] else run["status"]
        cells = [
            run["id"][:SHORT],
            *([str(run["repeat_no"] or "-")] if repeats else []),
            stacked(status),
            run["alias"] or run["analyst"][:SHORT] or "-",
        ]
        cells += [counted(run), number(sum(run["broken"].values())) if run["counted"] else "-"]
        table.add_row(*(printable(cell, keep="\n") for cell in cells), stacked(time_(run["received_at"])))
    console.print(table)


def _show_parts(parts: list[dict[str, Any]], console: Console) -> None:
    if not parts:
        return
    table = lean("part", "rows", "read last by", "when", counts=["rows"], title="Its parts")
    for part in parts:
        when = time_(part.get("at")) + (", and will be read again" if part["again"] else "")
        table.add_row(printable(part["part"]), number(part.get("rows")), part.get("run", "-")[:SHORT], when)
    console.print(table)
