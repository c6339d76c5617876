"""`podium pod`: serve data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from podium.cli._frame import JsonFlag, emit

if TYPE_CHECKING:
    from podium.config import PodConfig

app = typer.Typer(no_args_is_help=True)
File = Annotated[Path, typer.Argument(metavar="FILE", help="The pod file (YAML).", show_default=False)]


@app.command()
def check(file: File, as_json: JsonFlag = False) -> None:
    """Check a pod file, and look at the head of each datasource. Starts no pod."""
    import asyncio

    from podium.config import read_pod_file
    from podium.pod.startable import startable

    config = read_pod_file(file)
    startable(config)
    found = asyncio.run(_look(config))
    lines = [f"{config.identifier}: the pod file is good.", *(f"  {name}: {state}" for name, state in found.items())]
    emit({"pod": config.identifier, "datasources": found}, as_json=as_json, human="\n".join(lines))
    if any(not state.startswith("ok") for state in found.values()):
        raise typer.Exit(3)


async def _look(config: PodConfig) -> dict[str, str]:
    """`ok, N columns` or what is wrong, by a worker: this process reads no rows either."""
    from podium.config import home
    from podium.datasources import load_source
    from podium.errors import PodiumError
    from podium.workers.session import Limits, WorkerSession

    found: dict[str, str] = {}
    for source in [load_source(fields) for fields in config.datasources]:
        try:
            async with WorkerSession.open(source.dump(), limits=Limits(seconds=60), folder=home() / "work") as worker:
                schema = await worker.profile("partial")
            source.check_fields(schema.names)
            found[source.name] = f"ok, {len(schema.columns)} columns"
        except PodiumError as error:
            found[source.name] = str(error)
    return found


@app.command()
def start(
    file: File,
    code: Annotated[str, typer.Option(help="Enrolment code from the hub's operator; needed once.", envvar="PODIUM_HUB_CODE")] = "",
) -> None:
    """Start a pod and serve until Ctrl-C."""
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
    command = PodProcess(config).prepare()
    sys.stdout.flush()
    # The pod takes this process over, without the command line's libraries in its memory.
    os.execv(command[0], [*command, "--terminal"])  # noqa: S606


@app.command()
def status(pod: Annotated[str, typer.Argument(metavar="[OWNER/NAME]", show_default=False)] = "", as_json: JsonFlag = False) -> None:
    """How the pods of this PODIUM_HOME stand, or one of them."""
    from podium.config import home, pod_folder
    from podium.errors import ConfigError
    from podium.state import read_state

    folders = {pod: pod_folder(pod)} if pod else {"/".join(p.parent.parts[-2:]): p.parent for p in sorted(home().glob("pods/*/*/pod.json"))}
    states = {name: read_state(folder) for name, folder in folders.items()}
    if pod and states[pod] is None:
        raise ConfigError(f"pod {pod} was never started here.", field="pod", remedy="Start it: podium pod start FILE")
    data = {name: state.model_dump() for name, state in states.items() if state is not None}
    emit(data, as_json=as_json, human="\n".join(_described(name, fields) for name, fields in data.items()) or "No pod was started here.")


def _described(name: str, state: dict[str, Any]) -> str:
    lines = [f"{name}: {state['phase']}" + (f", {state['running']} running" if state["running"] else "")]
    if state["error"]:
        lines.append(f"  error: {state['error']['message']} {state['error']['remedy']}".rstrip())
    if state["phase"] in ("starting", "serving"):
        lines += [
            f"  hub: {state['hub'] or 'not yet reached'}",
            f"  Prefect: {state['prefect'] or 'not yet reached'} {state['prefect_url']}",
        ]
    lines += [f"  {source}: {how}" for source, how in state["datasources"].items()]
    return "\n".join(lines)
