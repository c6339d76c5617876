"""Questions as `podium pod history` prints them: in a table, and one with all its runs and parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podium.cli._history_runs import SHORT, broken, console_, counts_in, number, time_
from podium.text import printable

if TYPE_CHECKING:
    from rich.console import Console


def show_all(tasks: list[dict[str, Any]]) -> None:
    """The questions of all pods that are meant."""
    from rich.table import Column, Table

    console = console_()
    if not tasks:
        console.print("No question has come as far as the data yet.")
        return
    several = len({task["pod"] for task in tasks}) > 1
    right = [Column(name, justify="right") for name in ("datapoints", "quarantined", "runs")]
    table = Table("no", *(["pod"] if several else []), "question", "datasource", "algorithm", *right, "last run", "when")
    for task in tasks:
        cells = [str(task["no"]), *([task["pod"]] if several else []), task["question"][:SHORT], task["datasource"], task["algorithm"]]
        cells += [str(task["datapoints"]), str(task["quarantined"]), str(task["runs"]), task["last_run"][:SHORT] or "-"]
        table.add_row(*(printable(cell) for cell in cells), time_(task["last_run_at"]))
    console.print(table)


def show_one(task: dict[str, Any]) -> None:
    """One question."""
    console, totals = console_(), task["totals"]
    console.print(printable(f"Question {task['no']} at {task['pod']}: {task['algorithm']} of {task['datasource']}"))
    lines = {
        "digest": task["question"],
        "asked first": time_(task["first_at"]),
        "datapoints": f"{task['known']} known, {task['in_quarantine']} in quarantine, {task['gone']} gone",
        "runs": ", ".join(f"{count} {status}" for status, count in totals["statuses"].items()) or "none",
        "together": ", ".join(f"{totals[name]} {name}" for name in counts_in([totals])),
        "contract": broken(totals["broken"]),
    }
    if task["results"]:
        lines["results"] = f"{task['results']}; see: podium pod history report --task {task['no']} --to FILE"
    for name, value in lines.items():
        console.print(printable(f"  {name:<13} {value}"), soft_wrap=True)
    _show_runs(task["runs"], console)
    _show_parts(task["parts"], console)


def _show_runs(runs: list[dict[str, Any]], console: Console) -> None:
    from rich.table import Column, Table

    repeats = any(run["repeat_no"] for run in runs)
    counts = counts_in(runs)
    right = [Column(name, justify="right") for name in (*counts, "broke a rule")]
    table = Table(Column("run", no_wrap=True), *(["repeat"] if repeats else []), "status", "asked by", *right, "when")
    for run in runs:
        status = f"{run['status']} ({run['code']})" if run["code"] else run["status"]
        cells = [
            run["id"][:SHORT],
            *([str(run["repeat_no"] or "-")] if repeats else []),
            status,
            run["alias"] or run["analyst"][:SHORT] or "-",
        ]
        cells += [*(number(run[name]) for name in counts), str(sum(run["broken"].values())) if run["counted"] else "-"]
        table.add_row(*(printable(str(cell)) for cell in cells), time_(run["received_at"]))
    console.print(table)


def _show_parts(parts: list[dict[str, Any]], console: Console) -> None:
    from rich.table import Column, Table

    if not parts:
        return
    table = Table("part", Column("rows", justify="right"), "read last by", "when", title="Its parts", title_justify="left")
    for part in parts:
        when = time_(part.get("at")) + (", and will be read again" if part["again"] else "")
        table.add_row(printable(part["part"]), number(part.get("rows")), part.get("run", "-")[:SHORT], when)
    console.print(table)
