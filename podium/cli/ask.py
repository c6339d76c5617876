"""`podium ask FILE`: one question to some pods."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from podium.cli._frame import JsonFlag, emit, schema_option

app = typer.Typer()


@app.command()
def ask(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The ask file (YAML); see `podium task example`.", show_default=False)],
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the answer.")] = True,
    timeout: Annotated[float, typer.Option(help="Give up waiting after so many seconds; the task goes on.")] = 300.0,
    user: Annotated[str, typer.Option(help="Your name at the hub; the OS user's when left out.")] = "",
    _schema: Annotated[bool, schema_option("ask-file")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Ask pods a question from a file."""
    import podium
    from podium.algorithms import Algorithm
    from podium.cli._answers import as_data, exit_code, progress, show
    from podium.config import read_ask_file
    from podium.protocols import Protocol

    asked = read_ask_file(file)
    algorithm = Algorithm.load(asked.algorithm)
    protocol = Protocol.load(asked.protocol) if asked.protocol else None
    session = podium.connect(asked.hub or None, user=user or None)
    answer = session.ask(
        algorithm,
        pods=asked.pods,
        datasource=asked.datasource,
        protocol=protocol,
        new_data_only=asked.new_data_only,
        repeat=asked.repeat,
        allow_partial=asked.allow_partial,
        wait=False,
    )
    if wait:
        typer.echo(f"Asked {', '.join(asked.pods)} (task {answer.id}); waiting.", err=True)
        answer.wait(timeout, lambda a: typer.echo(", ".join(progress(pod, run) for pod, run in a.runs.items()), err=True))
    emit(as_data(answer), as_json=as_json, human=lambda: show(answer))
    if code := exit_code(answer):
        raise typer.Exit(code)
