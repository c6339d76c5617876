"""`podium data`: look at data before serving it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from podium.cli._frame import JsonFlag, emit

if TYPE_CHECKING:
    from podium.contracts import DatasourceSchema

app = typer.Typer(no_args_is_help=True)
ALOUD = "This shows values and exact counts from the data. They are for you alone."


@app.callback()
def data() -> None:
    """Look at data before serving it."""


@app.command()
def profile(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The file; its kind is told by its name.", show_default=False)],
    full: Annotated[bool, typer.Option("--full", help="Exact counts, least and greatest values, and categories: for you alone.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """What a file looks like, column by column: how Podium takes it, how much is missing. Nothing is sent anywhere."""
    import asyncio

    from podium.cli._profile import discreet, exact, show
    from podium.datasources import Datasource
    from podium.datasources._by_name import kind_by_name, name_by_path
    from podium.errors import DataSourceError

    if not path.expanduser().is_file():
        raise DataSourceError(f"there is no file {path}.", field="PATH", remedy="Write the path of a file, from here or from /.")
    source = Datasource.load({"kind": kind_by_name(path), "name": name_by_path(path), "path": str(path)})
    schema = asyncio.run(_profiled(source.dump()))
    if full:
        typer.echo(ALOUD, err=True)
    found = {"path": str(path), "kind": source.kind, **(exact(schema) if full else discreet(schema))}
    emit(found, as_json=as_json, human=lambda: show(found))


async def _profiled(source: dict[str, Any]) -> DatasourceSchema:
    from podium.config import home
    from podium.workers.session import Limits, WorkerSession

    async with WorkerSession.open(source, limits=Limits(seconds=24 * 3600), folder=home() / "work") as worker:
        return await worker.profile("full")
