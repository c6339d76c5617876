"""From `data`, `datasource` and `datasources` to what the pod serves, each with its name, data configuration and schema."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podium.config import pod_folder
from podium.contracts import DatasourceSchema
from podium.datasources import About, Datasource, check_initialised, load_source, rebuildable
from podium.datasources._by_name import kind_by_name
from podium.datasources._given import given_schema
from podium.errors import ConfigError, DataSourceError
from podium.pod.arguments import DatasourceContainerConfig, PodDataConfig

log = logging.getLogger("podium")


@dataclass(frozen=True)
class Served:
    """A datasource as the pod serves it, and the schema that was given for it: an object, or the path of a saved one."""

    source: Datasource
    schema: Any = None

    def entry(self, placed_for: str = "") -> dict[str, Any]:
        """The pod file's entry; `placed_for`: what is held in memory is written to the folder of that pod."""
        source = self.source.placed(pod_folder(placed_for) / "frames") if placed_for else self.source
        if isinstance(self.schema, DatasourceSchema):
            return {**source.dump(), "schema": self.schema.model_dump(mode="json")}
        return source.dump() if self.schema is None else {**source.dump(), "schema": _path(self.schema, "schema")}

    def checked(self) -> Served:
        """Itself. Raises DataSourceError or ConfigError for what the pod's process could not rebuild or read."""
        rebuildable(self.source)
        load_source(self.entry())
        given_schema(self.entry())
        return self


def gather(
    name: str, given: Iterable[Datasource | DatasourceContainerConfig], *, data_config: PodDataConfig | None, schema: Any
) -> tuple[Served, ...]:
    """What a pod of that name serves. `data_config` and `schema` are those given for the whole pod."""
    containers = [_container(one) for one in given]
    if schema is not None and len(containers) != 1:
        remedy = "Give each datasource its own: DatasourceContainerConfig(datasource, schema=…)."
        raise ConfigError(f"one schema was given for {len(containers)} datasources.", field="schema", remedy=remedy)
    only = name if len(containers) == 1 else ""
    named = [one.datasource.model_copy(update={"name": one.name or one.datasource.name or only}) for one in containers]
    if data_config is not None:
        data_config.check([source.name for source in named])
    served = []
    for container, source in zip(containers, named, strict=True):
        configured = _configured(source, [config for config in (data_config, container.data_config) if config is not None])
        served.append(Served(configured, schema if container.schema is None else container.schema).checked())
    return tuple(served)


def of_path(data: str | os.PathLike[str]) -> list[Datasource]:
    """The file as a datasource of the kind that its name tells, or each such file of a folder, named after it. Raises ConfigError.

    A folder of pictures or scans is one datasource, and so is a folder with nothing but folders of one kind of files.
    """
    path, kinds = Path(_path(data, "data")), _suffixes()
    if not path.exists():
        raise ConfigError(f"there is no such file: {path}.", field="data", remedy="Correct the path.")
    if path.is_dir() and (kind := _gathered(path, kinds)):
        return [load_source({"kind": kind, "path": str(path)})]
    files = sorted(file for file in path.iterdir() if not file.name.startswith(".")) if path.is_dir() else [path]
    read = {file: suffix for file in files if (suffix := _suffix(file, kinds))}
    if not read:
        remedy = f"Known by their names: {', '.join(sorted(kinds))}. For others give datasources=[…]."
        raise ConfigError(f"no kind of datasource reads this: {path}.", field="data", remedy=remedy)
    for file in files:
        if file not in read:
            log.warning("data: %s is not served: no kind of datasource reads files of that name", file)
    names = {file: _named(file, suffix) if len(read) > 1 else "" for file, suffix in read.items()}
    return [load_source({"kind": kinds[suffix], "name": names[file], "path": str(file)}) for file, suffix in read.items()]


def _container(given: Any) -> DatasourceContainerConfig:
    container = given if isinstance(given, DatasourceContainerConfig) else DatasourceContainerConfig(given)
    source: object = container.datasource
    if not isinstance(source, Datasource):
        raise DataSourceError(f"{type(source).__name__} is not a datasource.", field="datasources", remedy="See podium.datasources.")
    check_initialised(source)
    return container


def _configured(source: Datasource, configs: list[PodDataConfig]) -> Datasource:
    ignored, forced, about, description = source.ignore_columns, source.force_types, dict(source.about), source.description
    for config in configs:
        more, types = config.of(source.name)
        ignored, forced = tuple(dict.fromkeys([*ignored, *more])), {**forced, **types}
        text, said = config.said(source.name)
        description = text or description
        about |= {column: _about(column, one, about.get(column, About())) for column, one in said.items()}
    update = {"ignore_columns": ignored, "force_types": forced, "about": about, "description": description}
    return source.model_copy(update=update)


def _about(column: str, said: Any, before: About) -> About:
    if isinstance(said, str | About):
        return before.model_copy(update={"description": said}) if isinstance(said, str) else said
    raise ConfigError(f"what is said of {column!r} is neither a text nor an About.", field="data_config.column_descriptions")


def _gathered(folder: Path, kinds: Iterable[str]) -> str:
    """The kind of all files below a folder that is one datasource; empty: it is not."""
    try:
        kind = kind_by_name(folder)
    except ConfigError:
        return ""
    return kind if Datasource.of(kind).gathers or not any(_suffix(file, kinds) for file in folder.iterdir()) else ""


def _suffixes() -> dict[str, str]:
    return {suffix: kind for kind in Datasource.kinds() for suffix in Datasource.of(kind).suffixes}


def _suffix(file: Path, kinds: Iterable[str]) -> str:
    return max((suffix for suffix in kinds if file.name.lower().endswith(suffix) and not file.is_dir()), key=len, default="")


def _named(file: Path, suffix: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", file.name[: -len(suffix)].lower()).strip("-._")


def _path(given: Any, field: str) -> str:
    try:
        return str(Path(os.fspath(given)).expanduser().absolute())
    except (TypeError, ValueError, RuntimeError):
        raise ConfigError("give a path.", field=field) from None
