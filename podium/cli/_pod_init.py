"""`podium pod init`: a pod file to start from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from podium.cli._frame import JsonFlag, emit

if TYPE_CHECKING:
    from podium.cli._starter import Source

Where = Annotated[
    Path, typer.Argument(metavar="[DIR or FILE]", help="A folder, for pod.yaml in it, or a file (.yaml).", show_default=False)
]


def init(
    where: Where = Path(),
    name: Annotated[str, typer.Option(help="The pod's name; the folder's when left out.")] = "",
    owner: Annotated[str, typer.Option(help="Whose pod it is; the OS user's name when left out.")] = "",
    data: Annotated[list[Path] | None, typer.Option(metavar="PATH", help="What to serve: a file, folder or pattern; repeat.")] = None,
    hub: Annotated[str, typer.Option(metavar="URL", help="The hub's address; the one of this PODIUM_HOME when left out.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a commented pod file to start from. At a terminal it asks for what was not given."""
    from podium.cli._starter import source_of, starter
    from podium.config import read_pod_file
    from podium.datasources._files import MAGIC
    from podium.errors import ConfigError
    from podium.files import write_private

    file = (where if where.suffix in (".yaml", ".yml") else where / "pod.yaml").expanduser().absolute()
    if file.is_dir() or (file.exists() and not force):
        raise ConfigError(f"{file} is there already.", field="FILE", remedy="Name another, or replace it with --force.")
    asks = not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    name = name or _folder_name(file)
    if asks:
        name, data = _asked(name, data or [])
    sources: list[Source] = []
    for path in data or []:
        sources.append(source_of(path, beside=file.parent, taken=[source.name for source in sources]))
    text = starter(name=name, owner=owner, hub=hub, sources=sources, file=file)
    _checked(text)
    try:
        write_private(file, text, exclusive=not force)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}.", field="FILE", remedy="Name another.") from None
    config = read_pod_file(file)
    missing = [str(path) for path in data or [] if not (path.expanduser().exists() or MAGIC.search(str(path)))]
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    lines = [
        f"Wrote {shown}, for pod {config.identifier}.",
        *(f"  {path} is not there yet." for path in missing),
        *([] if data else ["  Name your data under `datasources`."]),
        f"Next: podium pod check {shown}, then podium pod start {shown}",
    ]
    said = {
        "file": str(file),
        "pod": config.identifier,
        "datasources": [source["name"] for source in config.datasources],
        "missing": missing,
    }
    emit(said, as_json=as_json, human="\n".join(lines))


def _checked(text: str) -> None:
    """What the options made wrong is told before anything is written."""
    import yaml

    from podium.config import parse_pod
    from podium.datasources import load_source

    for fields in parse_pod(yaml.safe_load(text)).datasources:
        load_source(fields)


def _asked(name: str, data: list[Path]) -> tuple[str, list[Path]]:
    name = typer.prompt("Name of the pod", default=name)
    if not data and (path := typer.prompt("A file to serve (CSV or Parquet; empty: later)", default="", show_default=False)):
        data = [Path(path)]
    return name, data


def _folder_name(file: Path) -> str:
    from podium.datasources._by_name import name_by_path

    return name_by_path(Path(file.parent.name or "pod"))
