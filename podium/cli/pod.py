"""`podium pod`: serve data."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from podium.cli._frame import JsonFlag, emit, schema_option
from podium.cli._pod_drift import drift
from podium.cli._pod_eject import eject
from podium.cli._pod_history import app as history
from podium.cli._pod_init import init
from podium.cli._pod_standing import line as task_line
from podium.cli._pod_stop import stop
from podium.cli._pods import Which

if TYPE_CHECKING:
    from podium.config import PodConfig

app = typer.Typer(no_args_is_help=True)
app.command()(init)
File = Annotated[Path, typer.Argument(metavar="FILE", help="The pod file (YAML).", show_default=False)]
SchemaFlag = Annotated[bool, schema_option("pod-file")]


@app.command()
def check(file: File, _schema: SchemaFlag = False, as_json: JsonFlag = False) -> None:
    """Check a pod file, look at the head of each datasource, and reach its database. Starts no pod."""
    import asyncio

    from podium import project
    from podium.config import read_pod_file
    from podium.pod.startable import startable

    config = read_pod_file(file)
    startable(config)
    if config.history.url:
        project.load("schemas.opening").reach(config.history.url)
    found = asyncio.run(_look(config))
    lines = [f"{config.identifier}: the pod file is good.", *(f"  {name}: {state}" for name, state in found.items())]
    emit({"pod": config.identifier, "datasources": found}, as_json=as_json, human="\n".join(lines))
    if any(not state.startswith("ok") for state in found.values()):
        raise typer.Exit(3)


async def _look(config: PodConfig) -> dict[str, str]:
    """`ok, N columns` or what is wrong, by a worker: this process reads no rows either."""
    from podium.config import home
    from podium.datasources import load_source
    from podium.datasources._dressing import beyond, dressed
    from podium.datasources._given import fitted, given_schema
    from podium.errors import PodiumError
    from podium.workers.session import Limits, WorkerSession

    found: dict[str, str] = {}
    for fields, source in [(fields, load_source(fields)) for fields in config.datasources]:
        try:
            given = given_schema(fields)
            async with WorkerSession.open(source.dump(), limits=Limits(seconds=60), folder=home() / "work") as worker:
                schema = await worker.profile("partial")
            source.check_fields(schema.names)
            dressed(schema, source)
            if given is not None:
                fitted(given, schema, source)
            more = beyond(schema, source)
            columns = f"ok, {len(schema.columns)} column{'' if len(schema.columns) == 1 else 's'}"
            found[source.name] = columns + (f"; {more}" if more else "")
        except PodiumError as error:
            found[source.name] = str(error)
    return found


@app.command()
def start(
    file: File,
    code: Annotated[str, typer.Option(help="Enrolment code from the hub's operator; needed once.", envvar="PODIUM_HUB_CODE")] = "",
    project: Annotated[str, typer.Option(metavar="DIR", help="Flows of your own, from `podium pod eject DIR`; else PODIUM_PROJECT.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Start a pod and serve until Ctrl-C or `podium pod stop`."""
    import os
    import sys

    from podium.config import read_pod_file
    from podium.datasources import load_source
    from podium.datasources._given import given_schema
    from podium.pod import PodProcess

    config = read_pod_file(file)
    for fields in config.datasources:
        load_source(fields)  # a wrong field is told now, not in the pod's log
        given_schema(fields)
    if code:
        os.environ["PODIUM_HUB_CODE"] = code
    _choose_project(project)
    command = PodProcess(config).prepare()
    sys.stdout.flush()
    # The pod takes this process over, without the command line's libraries in its memory.
    os.execv(command[0], [*command, "--terminal", *(["--json"] if as_json else [])])  # noqa: S606


def _choose_project(given: str) -> None:
    """Hand the custodian's own root on to the pod's process, and say when it was copied from another version."""
    import os

    from podium import __version__, project

    if given:
        os.environ[project.ROOT] = str(project.own_root(Path(given)))
    place = project.root()  # a wrong PODIUM_PROJECT is told here as well
    if (version := project.copied_from(place)) and version != __version__:
        typer.echo(f"warning: {place} was copied from Podium {version}; this is {__version__}. Compare it with a new copy.", err=True)


@app.command()
def status(pod: Which = "", as_json: JsonFlag = False) -> None:
    """How the pods of this PODIUM_HOME stand, or one of them."""
    from podium.cli._pod_standing import standing_tasks
    from podium.cli._pods import pods_meant
    from podium.config import pod_folder
    from podium.state import PodState, read_state

    never = PodState(pid=0, phase="stopped", since=0)  # ended before it could say anything
    meant = pods_meant(pod)
    data = {name: (read_state(pod_folder(name)) or never).model_dump() | {"standing": standing_tasks(name)} for name in meant}
    emit(data, as_json=as_json, human="\n".join(_described(name, fields) for name, fields in data.items()) or "No pod was started here.")


def _described(name: str, state: dict[str, Any]) -> str:
    from podium.state import RunPace

    lines = [f"{name}: {state['phase']}" + (f", {state['running']} running" if state["running"] else "")]
    if state["error"]:
        lines.append(f"  error: {state['error']['message']} {state['error']['remedy']}".rstrip())
    if state["phase"] in ("starting", "serving"):
        lines += [
            f"  since {time.strftime('%Y-%m-%d %H:%M', time.localtime(state['since']))}, pid {state['pid']}",
            f"  hub: {state['hub'] or 'not yet reached'}",
            f"  Prefect: {state['prefect'] or 'not yet reached'} {state['prefect_url']}",
        ]
    far = {source: f", full schema {text}" for source, text in state["scanning"].items()}
    lines += [f"  {source}: {how}{far.get(source, '')}" for source, how in state["datasources"].items()]
    if state["phase"] == "serving":  # what a pod that has ended said may have been accepted since
        lines += [f"  run {run[:8]}: {RunPace(**pace)}" for run, pace in state["under_way"].items()]
        lines += [f"  {source}: its data have changed ({level}); see: podium pod drift {name}" for source, level in state["drift"].items()]
    return "\n".join([*lines, *(task_line(task) for task in state.get("standing", ()))])


app.command()(stop)  # in the order of a pod's life
app.command()(drift)
app.add_typer(history, name="history")
app.command()(eject)
