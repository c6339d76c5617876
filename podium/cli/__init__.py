"""The command `podium`. How to add a verb: see `podium.cli._frame`.

Exit codes: 0 done; 1 to 9 by the error's family (`podium.errors`); 2 also for a command line that makes no sense; 70 a fault of
Podium's own; 130 interrupted. With `--json` an error is one JSON object on stdout.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from typing import Any

from podium.text import printable

FAULT, INTERRUPTED = 70, 130


def main(argv: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    os.umask(0o077)  # whatever it leaves on disk is for its owner
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: list[str]) -> int:
    """The exit code; whatever went wrong has been printed."""
    import typer

    from podium.errors import PodiumError

    warnings.showwarning = _warn  # type: ignore[assignment]
    as_json = "--json" in argv[: argv.index("--") if "--" in argv else len(argv)]
    try:
        code = _command().main(args=argv, prog_name="podium", standalone_mode=False)
    except PodiumError as error:
        fields = {"code": error.code, "message": error.message, "field": error.field, "remedy": error.remedy}
        return _fail(str(error), fields=fields, as_json=as_json, code=error.exit_code)
    except typer.TyperException as error:
        message = error.format_message()
        if not message.strip():  # a group without a verb: its help has been printed
            return error.exit_code
        context = getattr(error, "ctx", None)
        remedy = f"See: {context.command_path if context else 'podium'} --help"
        fields = {"code": "usage", "message": message, "field": "", "remedy": remedy}
        return _fail(f"{message} {remedy}", fields=fields, as_json=as_json, code=error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("PODIUM_DEBUG") == "1":
            raise
        remedy = f"What happened is in {_note_fault()}; PODIUM_DEBUG=1 shows it here."
        message = f"a fault in Podium ({type(error).__name__})."
        fields = {"code": "fault", "message": message, "field": "", "remedy": remedy}
        return _fail(f"{message} {remedy}", fields=fields, as_json=as_json, code=FAULT)
    return code if isinstance(code, int) else 0


def _command() -> Any:
    import typer

    from podium.cli._frame import Verbs

    app = typer.Typer(cls=Verbs, no_args_is_help=True, add_completion=False, rich_markup_mode="rich")

    def print_version(wanted: bool) -> None:
        if wanted:
            from podium import __version__

            typer.echo(f"podium {__version__}")
            raise typer.Exit

    option = typer.Option(False, "--version", help="Print the version and leave.", is_eager=True, callback=print_version)

    @app.callback()
    def podium(version: bool = option) -> None:
        """A self-hosted Pod (Processor of Data): it answers questions about private data and lets only released results leave."""

    return typer.main.get_command(app)


def _warn(message: Warning | str, *_: Any) -> None:
    """A warning is for a person: without the path and source line that Python would add."""
    print(f"warning: {printable(str(message))}", file=sys.stderr)


def _fail(text: str, *, fields: dict[str, str], as_json: bool, code: int) -> int:
    if as_json:
        print(json.dumps({"error": fields}))
    else:
        print(f"error: {printable(' '.join(text.split()))}", file=sys.stderr)  # a hub may have chosen the words
    return code


def _note_fault() -> str:
    """Write the traceback, which may quote data, to a file that only its owner may read."""
    import traceback

    from podium import config
    from podium.files import write_private

    return str(write_private(config.home() / "last-fault.log", traceback.format_exc()))
