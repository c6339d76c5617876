"""The frame of the command line: which verbs there are, how they print, how they fail.

**A verb is a module** `podium/cli/VERB.py` that exposes `app`, a `typer.Typer`. A verb with verbs of its own (`podium hub start`)
registers several commands on it, or one and a callback; a verb that is the command itself (`podium ask FILE`) registers exactly
one. The module is imported when its verb is invoked and not before; `podium --help` reads the table below and lists the verbs
whose file is there.

    app = typer.Typer(no_args_is_help=True)

    @app.command()
    def status(as_json: JsonFlag = False) -> None:
        \"\"\"Where the server is.\"\"\"
        emit(data, as_json=as_json, human=f"running at {data['url']}")

Errors are raised as PodiumError, never printed: `main` in `podium.cli` turns them into one line and the exit code.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

from podium.text import printable

VERBS = {
    "demo": "Hub, Prefect and two pods on real data; federated questions, each beside the pooled answer.",
    "hub": "The registry of people and pods, and the mailbox between them.",
    "prefect": "The Prefect server that the pods of this home share.",
    "doctor": "Look for what would keep Podium from working here.",
    "pod": "Serve data: check a pod file, start a pod, see how it stands.",
    "data": "Look at data before serving it.",
    "grant": "Who may ask what, signed by the custodian.",
    "approvals": "Tasks that wait for a yes or a no.",
    "release": "Results that wait at the gate.",
    "ask": "Ask pods a question from a file.",
    "task": "Your questions: list, status, result; an example to start from.",
    "login": "Sign in to a hub.",
    "keys": "Your keys, and the keys you trust.",
    "audit": "Check and export the record of every decision.",
    "deploy": "Create the deployments on Prefect.",
}

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON value, for programs.")]


def emit(data: Any, *, as_json: bool, human: str | Callable[[], None]) -> None:
    """Print the answer: `data` as JSON, or `human` (a text, or a function that prints) for a person."""
    if as_json:
        typer.echo(json.dumps(data, default=str, indent=2))
    elif callable(human):
        human()
    else:
        typer.echo(printable(human, keep="\n"))  # some of the words are other people's


def schema_option(name: Literal["pod-file", "ask-file"]) -> Any:
    """`--schema`: print that file's JSON Schema, with every kind that is installed here, and leave."""

    def print_schema(wanted: bool) -> None:
        if wanted:
            from podium.cli._schemas import file_schema

            typer.echo(json.dumps(file_schema(name), indent=2, ensure_ascii=False))
            raise typer.Exit

    return typer.Option("--schema", help="Print the file's JSON Schema, for editors, and leave.", is_eager=True, callback=print_schema)


class Verbs(TyperGroup):
    """A group that knows its commands by the table and imports one when it runs."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        here = Path(__file__).parent
        self.commands = {verb: TyperCommand(verb, help=text) for verb, text in VERBS.items() if (here / f"{verb}.py").is_file()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        verb, command, rest = super().resolve_command(ctx, args)
        return verb, load(verb) if verb else command, rest


def load(verb: str) -> Any:
    """The verb's command, its module imported now."""
    command = typer.main.get_command(importlib.import_module(f"podium.cli.{verb}").app)
    command.name, command.help = verb, command.help or VERBS[verb]
    command.params = [each for each in command.params if each.name not in ("install_completion", "show_completion")]
    return command
