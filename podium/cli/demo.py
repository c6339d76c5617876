"""`podium demo`: everything at once, on real data."""

from __future__ import annotations

import signal
import time
from typing import Annotated, Any

import typer

from podium.cli._frame import JsonFlag, emit
from podium.text import printable

app = typer.Typer()


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave it running, to look around in Prefect's UI.")] = False,
    clean: Annotated[bool, typer.Option("--clean", help="End and remove a demo that was kept.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Hub, Prefect and two pods on real data; federated questions, each beside the pooled answer."""
    from podium.demo import run, stage

    if clean:
        ended = stage.clean(stage.demo_home())
        emit({"ended": ended}, as_json=as_json, human=f"Removed; {ended} processes ended." if ended else "No demo was running; removed.")
        return
    signal.signal(signal.SIGTERM, _interrupt)
    began = time.monotonic()

    def tell(line: str) -> None:
        typer.echo(f"{time.monotonic() - began:6.1f} s  {printable(line)}", err=True)

    report = run.run(keep=keep, tell=tell)
    emit(report, as_json=as_json, human=lambda: _show(report))
    if not run.passed(report):
        raise typer.Exit(1)


def _show(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(markup=False, emoji=False)  # levels come from data, rules and figures from pods
    for entry in report["questions"]:
        how = f"  {entry['status']}, {entry['rows']} rows (rounded), {entry['seconds']} s"
        console.print(Text.assemble("\n", (entry["name"], "bold"), how))
        table = Table("group", "federated", "pooled")
        for level, federated, pooled in _rows(entry):
            table.add_row(printable(str(level)), federated, pooled)
        console.print(table)
        off = "nothing to compare" if entry["difference"] is None else f"largest difference {entry['difference']:.3g}"
        console.print(f"  {off}, tolerance {entry['tolerance']:.3g}")
        for pod, part in entry["pods"].items():
            rules = f"; kept back by {', '.join(part['kept_back_by'])}" if part["kept_back_by"] else ""
            console.print(printable(f"  {pod}: {part['status']}, {part['rows']} rows (rounded){rules}"))
    console.print(f"\nDone in {report['seconds']} s.")
    if kept := report.get("kept"):
        console.print(f"Prefect's UI: {kept['prefect']}  sign in as {kept['user']}:{kept['password']}", soft_wrap=True)
        console.print(f"Hub: {kept['hub']}   PODIUM_HOME of this demo: {kept['home']}", soft_wrap=True)
        console.print("When you have seen enough: podium demo --clean")


def _rows(entry: dict[str, Any]) -> list[tuple[str, str, str]]:
    answer, pooled = entry["answer"], entry["pooled"]
    if not isinstance(pooled, dict):
        return [("all", _figure(answer), _figure(pooled))]
    return [(level, _figure(answer.get(level)), _figure(pooled.get(level))) for level in {**answer, **pooled}]


def _figure(value: float | None) -> str:
    return "suppressed" if value is None else f"{value:.10g}"


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
