"""What people fill in for `podium.Pod`. Nothing is checked here: `Pod` makes a pod file's sections of them, which say what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any

from podium.errors import ConfigError
from podium.plugin import nearest

if TYPE_CHECKING:
    from podium.contracts import DatasourceSchema
    from podium.datasources import About, Datasource


@dataclass(frozen=True)
class HubConfig:
    """The hub to register with. Without `url`: the same as no hub given."""

    url: str | None = None


@dataclass(frozen=True)
class MessageServiceConfig:
    """Where sealed messages are fetched and sent (without `url`: at the hub's address), and how many seconds one poll waits."""

    url: str | None = None
    poll_seconds: int = 50


@dataclass(frozen=True)
class PodDbConfig:
    """The pod's database: any SQLAlchemy `url`, or the `path` of an SQLite file; neither: SQLite in the pod's folder."""

    url: str | None = field(default=None, repr=False)
    path: str | PathLike[str] | None = None


@dataclass(frozen=True)
class DPPodConfig:
    """What differential privacy may cost at this pod."""

    epsilon: float
    delta: float = 1e-6


@dataclass(frozen=True)
class APIKeys:
    """An API key of the hub, `pk_ID_KEY`, in its two parts. It belongs to the identity key that enrolled for it."""

    access_key_id: str
    access_key: str = field(repr=False)


@dataclass(frozen=True)
class JWT:
    """A token of another sign-in service."""

    token: str = field(repr=False)


@dataclass(frozen=True)
class PodDetailsConfig:
    """How the hub shows the pod."""

    display_name: str = ""
    description: str = ""


@dataclass(frozen=True)
class PodDataConfig:
    """Columns that appear nowhere, semantic types that overrule the inferred ones, and what is said of columns and of the datasource.

    Each holds for every datasource that the config is given to, or maps a datasource's name to what holds for that one. A column's
    description is a text, or a `podium.datasources.About` with its unit and labels too.
    """

    ignore_columns: Iterable[str] | Mapping[str, Iterable[str]] = ()
    force_types: Mapping[str, str] | Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    column_descriptions: Mapping[str, str | About] | Mapping[str, Mapping[str, str | About]] = field(default_factory=dict)
    description: str | Mapping[str, str] = ""

    def of(self, name: str) -> tuple[tuple[str, ...], dict[str, Any]]:
        """(columns to ignore, types to force) of that datasource."""
        ignored: Any = self.ignore_columns.get(name, ()) if isinstance(self.ignore_columns, Mapping) else self.ignore_columns
        forced: Any = self.force_types.get(name, {}) if _by_datasource(self.force_types) else self.force_types
        if isinstance(ignored, str) or not isinstance(forced, Mapping):
            raise ConfigError("ignore_columns takes a list of names, force_types a mapping of column to type.", field="data_config")
        return tuple(ignored), dict(forced)

    def said(self, name: str) -> tuple[str, dict[str, Any]]:
        """(description, what is said of its columns) of that datasource."""
        description: Any = self.description.get(name, "") if isinstance(self.description, Mapping) else self.description
        columns: Any = self.column_descriptions
        columns = columns.get(name, {}) if isinstance(columns, Mapping) and _by_datasource(columns) else columns
        if not isinstance(description, str) or not isinstance(columns, Mapping):
            raise ConfigError("description takes a text, column_descriptions a mapping of column to text.", field="data_config")
        return description, dict(columns)

    def check(self, known: list[str]) -> None:
        """Raises ConfigError for a datasource that the pod does not have."""
        by_name = [given for given in (self.ignore_columns, self.description) if isinstance(given, Mapping)]
        by_name += [given for given in (self.force_types, self.column_descriptions) if _by_datasource(given)]
        for name in [name for given in by_name for name in given]:
            if name not in known:
                raise ConfigError(f"there is no datasource {name!r}.", field="data_config", remedy=nearest(name, known))


@dataclass(frozen=True)
class DatasourceContainerConfig:
    """A datasource with a name, data configuration and schema of its own; each may be left out. See `Pod` for `schema`."""

    datasource: Datasource
    name: str | None = None
    data_config: PodDataConfig | None = None
    schema: DatasourceSchema | str | PathLike[str] | None = None


def _by_datasource(given: Mapping[str, Any]) -> bool:
    return isinstance(given, Mapping) and any(isinstance(value, Mapping) for value in given.values())
