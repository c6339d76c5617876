"""`podium prefect`: the one Prefect server of this home."""

from __future__ import annotations

import shlex
from typing import Any

import typer

from podium.cli._frame import JsonFlag, emit

app = typer.Typer(no_args_is_help=True)


@app.command()
def start(as_json: JsonFlag = False) -> None:
    """Start it where it does not run, and keep it until `podium prefect stop`."""
    from podium.runner import pool, server

    found = server.ensure(progress=lambda line: typer.echo(line, err=True))
    if found.own:
        server.keep()
        pool.ensure(found)
    emit({**server.status(), "notes": list(found.notes)}, as_json=as_json, human=f"Prefect is at {found.ui} (password: podium prefect env)")


@app.command()
def stop(as_json: JsonFlag = False) -> None:
    """Stop it. Pods that need it wait until it is back."""
    from podium.runner import server

    stopped = server.stop()
    emit({"stopped": stopped}, as_json=as_json, human="Stopped." if stopped else "It was not running.")


@app.command()
def status(as_json: JsonFlag = False) -> None:
    """Where it is, and which pods hold it."""
    from podium.runner import server

    found = server.status()
    emit(found, as_json=as_json, human=_described(found))


@app.command()
def env(as_json: JsonFlag = False) -> None:
    """The settings for your own shell: `eval $(podium prefect env)`. They contain its password."""
    from podium.runner import server

    settings = server.environment(server.current())
    emit(settings, as_json=as_json, human="\n".join(f"export {name}={shlex.quote(value)}" for name, value in settings.items()))


def _described(found: dict[str, Any]) -> str:
    match found["state"]:
        case "stopped":
            return "Prefect is not running. Start it: podium prefect start"
        case "died":
            return f"Prefect (pid {found['pid']}) died. Start it again: podium prefect start. Its log: {found['log']}"
        case "silent":
            return f"Prefect at {found['ui']} does not answer just now."
        case "external":
            return f"Prefect at {found['ui']} answers (PREFECT_API_URL; not started by Podium)."
    held = f"held by {', '.join(map(str, found['holders'])) or 'no pod'}{', kept until stopped' if found['kept'] else ''}"
    return f"Prefect runs at {found['ui']} (pid {found['pid']}, since {found['started']}), {held}."
