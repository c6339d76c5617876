"""`podium data`: look at data before serving it, and describe it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from podium.cli._frame import JsonFlag, emit
from podium.cli._look import DatasourceOption, PathArgument, PodOption, look

app = typer.Typer(no_args_is_help=True)
ALOUD = "This shows values and exact counts from the data. They are for you alone."
Page = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page to look at and to print, by the disclosure rules.")]
Contract = Annotated[Path | None, typer.Option("--contract", metavar="FILE", help="The contract, as YAML.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="The CSV file to write.", show_default=False)]


@app.callback()
def data() -> None:
    """Look at data before serving it, and describe it."""


@app.command()
def profile(
    path: PathArgument = "",
    datasource: DatasourceOption = "",
    pod: PodOption = "",
    html: Page = None,
    full: Annotated[bool, typer.Option("--full", help="Exact counts, least and greatest values, and categories: for you alone.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """What data look like, column by column: how Podium takes it, how much is missing. Nothing is sent anywhere."""
    from podium.cli._profile import discreet, exact, show
    from podium.errors import ConfigError

    if full and html:
        raise ConfigError("a page shows no more than the disclosure rules let it.", field="--html", remedy="Leave --full out.")
    looked = look(path, pod=pod, datasource=datasource)
    if full:
        typer.echo(ALOUD, err=True)
    found = {"path": looked.path, "kind": looked.kind, **(exact(looked.schema) if full else discreet(looked.schema, looked.rules))}
    if html:
        from podium.cli._page import page
        from podium.files import write_private

        write_private(html.expanduser().absolute(), page(looked))
        emit({**found, "html": str(html)}, as_json=as_json, human=f"{html}: open it in a browser.")
    else:
        emit(found, as_json=as_json, human=lambda: show(found, looked.rules))


@app.command()
def validate(
    path: PathArgument = "",
    contract: Contract = None,
    datasource: DatasourceOption = "",
    pod: Annotated[str, typer.Option("--pod", metavar="POD", help="A datasource of this pod, and its contract if no other is named.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Try a contract on all the rows: which rules are broken, and by how many. Nothing is sent anywhere, and no value is shown."""
    from podium.cli._validate import told, tried
    from podium.errors import DataSourceError

    report = tried(path, pod=pod, datasource=datasource, contract=contract)
    emit(report.model_dump(), as_json=as_json, human=told(report))
    if not report.ok:
        raise typer.Exit(DataSourceError.exit_code)


@app.command()
def dictionary(
    out: Out,
    path: PathArgument = "",
    datasource: DatasourceOption = "",
    pod: PodOption = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a data dictionary to fill in with a spreadsheet: a line for each column, with what is said of it already."""
    from podium.datasources._dictionary import written_dictionary
    from podium.datasources._dressing import words_in
    from podium.errors import ConfigError
    from podium.files import write_private
    from podium.privacy.told import levels

    if out.exists() and not force:
        raise ConfigError(f"{out} is there already.", field="--out", remedy="Name another file, or say --force.")
    looked = look(path, pod=pod, datasource=datasource)
    known = {column.name: sorted(level.text for level in levels(column, looked.rules)) for column in looked.schema.columns}
    text = written_dictionary(words_in(looked.schema), levels=known)
    write_private(out.expanduser().absolute(), text.encode("utf-8-sig"))  # by its mark spreadsheets know the alphabet
    human = f"{out}: fill it in, and name it in the pod file: dictionary: {out.name}"
    emit({"out": str(out), "columns": len(looked.schema.columns)}, as_json=as_json, human=human)
