"""What a person wants to look at: a file, a datasource of a pod file, or what a pod here last took for its schema."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from podium.config import PodConfig
    from podium.contracts import DatasourceSchema
    from podium.datasources import Datasource
    from podium.privacy.disclosure import Rules

PathArgument = Annotated[
    str, typer.Argument(metavar="[PATH]", help="The data, its kind told by the name; or a pod file (.yaml), for one of its datasources.")
]
DatasourceOption = Annotated[str, typer.Option("--datasource", metavar="NAME", help="Which datasource of the pod or the pod file.")]
PodOption = Annotated[str, typer.Option("--pod", metavar="POD", help="What this pod last took for its schema; no data are read.")]
MAGIC = frozenset("*?[")


@dataclass(frozen=True)
class Looked:
    """A schema in the custodian's words, where it is from, and the disclosure rules that hold there."""

    path: str
    kind: str
    schema: DatasourceSchema
    rules: Rules
    description: str = ""


def look(path: str, *, pod: str, datasource: str) -> Looked:
    """Find or take the schema. Raises ConfigError or DataSourceError."""
    if pod and not path:
        return _kept(pod, datasource)
    title, source, rules = named(path, pod=pod, datasource=datasource)
    return _taken(source, rules, title)


def named(path: str, *, pod: str, datasource: str) -> tuple[str, Datasource, Rules]:
    """What the path stands for: its title, the source, and the disclosure rules there. Raises ConfigError or DataSourceError."""
    from podium.errors import ConfigError
    from podium.privacy.disclosure import Rules

    if bool(path) == bool(pod):
        raise ConfigError("name one thing to look at.", field="PATH", remedy="Give PATH, or --pod POD.")
    if path.lower().endswith((".yaml", ".yml")):
        return _of_pod_file(Path(path), datasource)
    if datasource:
        raise ConfigError("a file of data has no datasources.", field="--datasource", remedy="Name a pod file, or leave it out.")
    return path, _source(Path(path)), Rules()


def _source(path: Path) -> Datasource:
    from podium.datasources import Datasource
    from podium.datasources._by_name import kind_by_name, name_by_path
    from podium.errors import ConfigError, DataSourceError

    if not MAGIC.intersection(str(path)) and not path.expanduser().exists():
        raise DataSourceError(f"there is no file {path}.", field="PATH", remedy="Write the path of a file, from here or from /.")
    kind = kind_by_name(path)
    try:
        return Datasource.load({"kind": kind, "name": name_by_path(path), "path": str(path)})
    except ConfigError as error:
        remedy = error.remedy or f"Of kind {kind}, look at it by way of a pod file that says it."
        raise ConfigError(error.message, field=error.field, remedy=remedy, code=error.code) from None


def _of_pod_file(file: Path, wanted: str) -> tuple[str, Datasource, Rules]:
    from podium.config import read_pod_file
    from podium.datasources import load_source

    config = read_pod_file(file)
    fields = next(entry for entry in config.datasources if entry["name"] == meant(config, wanted))
    return f"{file}: {fields['name']}", load_source(fields), config.disclosure


def _kept(pod: str, wanted: str) -> Looked:
    from podium.cli._pods import find_pod
    from podium.config import saved_pod
    from podium.contracts import DatasourceSchema
    from podium.datasources import load_source
    from podium.errors import DataSourceError
    from podium.files import read_private

    config = saved_pod(find_pod(pod))
    name = meant(config, wanted)
    file = config.folder / "schemas" / f"{name}.json"
    schema = DatasourceSchema.model_validate_json(read_private(file)) if file.is_file() else _given(config, name)
    if schema is None:
        remedy = f"See how it stands: podium pod status {config.identifier}"
        raise DataSourceError(f"{config.identifier} has taken no full schema of {name} yet.", field="--pod", remedy=remedy)
    source = load_source(next(entry for entry in config.datasources if entry["name"] == name))
    return Looked(f"{config.identifier}: {name}", source.kind, schema, config.disclosure, source.description)


def _given(config: PodConfig, name: str) -> DatasourceSchema | None:
    """What the pod goes by where a schema was given: only its database has that one in the form it holds."""
    from podium import project

    stores = project.load("schemas.stores")
    found: DatasourceSchema | None = stores.SchemaStore(
        stores.PodDatabase.of(folder=config.folder, url=config.history.url, pod=config.identifier)
    ).latest(name)
    return found if found is not None and found.stage == "full" else None


def meant(config: PodConfig, wanted: str) -> str:
    """The datasource of that name, or the only one. Raises ConfigError."""
    from podium.errors import ConfigError
    from podium.plugin import nearest

    names = [str(entry["name"]) for entry in config.datasources]
    if wanted in names:
        return wanted
    if not wanted and len(names) == 1:
        return names[0]
    said = f"there is no datasource {wanted!r}." if wanted else "there are several datasources, or none."
    raise ConfigError(said, field="--datasource", remedy=nearest(wanted, names))


def _taken(source: Datasource, rules: Rules, path: str) -> Looked:
    import asyncio

    from podium.datasources._dressing import beyond, dressed
    from podium.text import printable

    schema = asyncio.run(_profiled(source))
    looked = Looked(path, source.kind, dressed(schema, source), rules, source.description)
    if more := beyond(schema, source):
        typer.echo(printable(f"warning: {more}"), err=True)
    return looked


async def _profiled(source: Datasource) -> DatasourceSchema:
    from podium.config import home
    from podium.workers.session import Limits, WorkerSession

    async with WorkerSession.open(source.dump(), limits=Limits(seconds=24 * 3600), folder=home() / "work") as worker:
        return await worker.profile("full")
