"""`podium doctor`: what would keep Podium from working here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from podium.cli._frame import JsonFlag, emit
from podium.text import printable

if TYPE_CHECKING:
    from podium.cli._doctor import Finding

app = typer.Typer()
MARKS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@app.command()
def doctor(
    hub: Annotated[str, typer.Option(metavar="URL", help="Ask this hub; else those of this PODIUM_HOME and its pods.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Look for what would keep Podium from working here. It starts nothing and mends nothing."""
    from podium.cli._doctor import examine

    found = list(examine(hub))
    healthy = all(finding.state != "fail" for finding in found)
    emit({"ok": healthy, "checks": [one.as_data() for one in found]}, as_json=as_json, human=lambda: _show(found))
    if not healthy:
        raise typer.Exit(1)


def _show(found: list[Finding]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(markup=False, emoji=False, highlight=False)
    for one in found:
        console.print(Text.assemble((f"{one.state:<5}", MARKS[one.state]), printable(f"{one.check}: {one.said}")), soft_wrap=True)
        if one.remedy:
            console.print(printable(f"       {one.remedy}"), soft_wrap=True)
