"""Where rows come from. One kind a file; `podium.datasources.Csv` finds the class in `csv.py` when it is asked for.

Importing this package or a kind loads no pandas, DuckDB or Arrow: the pod's process holds datasources as configuration only, and
a worker process alone reads them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, field_validator
from pydantic.config import JsonDict

from podium.contracts import Catalogue, ColumnType, Part, SemanticType
from podium.errors import ConfigError, DataSourceError
from podium.names import NAME_SCHEMA, check_name
from podium.plugin import Frozen, Plugin, lazy_kinds, nearest

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 65_536
DISTINCT: JsonDict = {"uniqueItems": True}  # what a validator holds, said in the published JSON Schema too

# The one Arrow type of each column type, by its alias.
ARROW: dict[ColumnType, str] = {
    "integer": "int64",
    "number": "double",
    "text": "string",
    "boolean": "bool",
    "date": "date32[day]",
    "timestamp": "timestamp[us]",
    "binary": "binary",
    "other": "string",
}


class About(Frozen):
    """What the custodian says of a column. `labels`: what a stored value stands for, by the value as text."""

    description: str = ""
    unit: str = ""
    labels: dict[str, str] = {}


class Datasource(Plugin):
    """A named collection of datapoints that a pod serves. Paths are the custodian's; nothing a peer sends reaches these fields.

    `key`: the columns that identify a row (none: its whole content does). `ignore_columns` appear nowhere: not in the schema, not
    in a batch. `force_types` overrule the inferred semantic types. `name` may be left to a pod that has no other datasource.

    `about` describes columns, and so does `dictionary`, a data dictionary as CSV; `about` has the last word. `catalogue`: how much of
    the schema the hub's card may hold. `on_drift`: whether tasks go on when the data have changed since the last full schema.

    `on_bad_rows`: whether a row that breaks the contract is left out and kept in quarantine, or stops the run; so does a share of such
    rows above `max_bad_share` in any case.
    """

    package: ClassVar[str] = "podium.datasources"
    suffixes: ClassVar[tuple[str, ...]] = ()  # of files that this kind reads when all it is told is their path
    gathers: ClassVar[bool] = False  # whether a folder of such files is one datasource by nature, and not one for each file

    name: str = Field(default="", json_schema_extra=NAME_SCHEMA)
    key: tuple[str, ...] = Field(default=(), json_schema_extra=DISTINCT)
    description: str = ""
    ignore_columns: tuple[str, ...] = Field(default=(), json_schema_extra=DISTINCT)
    force_types: dict[str, SemanticType] = {}
    about: dict[str, About] = {}
    dictionary: Path | None = None
    catalogue: Catalogue = "types"
    on_drift: Literal["stop", "warn", "ignore"] = "warn"
    on_bad_rows: Literal["quarantine", "stop"] = "quarantine"
    max_bad_share: float = Field(default=0.05, ge=0, le=1)
    _cache: Path | None = PrivateAttr(default=None)

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        return check_name(name, "datasource") if name else name

    @field_validator("dictionary")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path.expanduser().absolute() if path else path  # the pod's process works elsewhere

    @field_validator("key", "ignore_columns")
    @classmethod
    def _distinct(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("names the same column twice")
        return names

    def __setattr__(self, name: str, value: Any) -> None:
        check_initialised(self)
        super().__setattr__(name, value)

    @abstractmethod
    def columns(self) -> list[tuple[str, ColumnType]]:
        """Name and type of every column, in order, without the ignored ones. Reads no more than a sample. Raises DataSourceError."""

    @abstractmethod
    def read(self, columns: Sequence[str], datapoints: Collection[int] | None = None) -> Iterator[pa.RecordBatch]:
        """Batches with exactly `columns`, in that order; memory stays bounded whatever the size.

        Each ColumnType has one Arrow type (`ARROW`). `datapoints` are row numbers from 0; None means
        every row. The same unchanged source gives the same rows in the same order. Raises DataSourceError, also midway, and for
        a column that `columns()` does not name.
        """

    @abstractmethod
    def token(self) -> str:
        """A cheap sign that nothing changed: equal tokens, equal rows. Raises DataSourceError when the source is gone."""

    def partitions(self) -> list[Part]:
        """Parts that can be read one by one; all of them in order are the source. One part unless a kind knows better.

        An id names the same part for as long as the source only changes elsewhere or grows. Raises DataSourceError.
        """
        return [Part(id="all", token=self.token())]

    def read_part(self, part: Part, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """`read`, for one of `partitions()`. Raises DataSourceError, also where the part is not what its token says any more."""
        return self.read(columns)

    def fingerprinted(self) -> tuple[str, ...]:
        """The columns that a datapoint's fingerprint is taken over. `read` and `read_part` may know one that `columns()` does not name."""
        return tuple(name for name, _ in self.columns())

    def kept_out(self) -> Mapping[str, str]:
        """Datapoints that the last `read` or `read_part`, taken to its end, left out: a word for the reason, by their column `path`."""
        return {}

    def check_fields(self, columns: Collection[str]) -> None:
        """Raise DataSourceError if `key` or `force_types` names a column that is not there. `ignore_columns` may: it is a precaution."""
        for field, names in (("key", self.key), ("force_types", self.force_types)):
            for name in names:
                if name not in columns:
                    remedy = nearest(name, list(columns))
                    raise DataSourceError(f"there is no column {name!r}.", field=f"datasources.{self.name}.{field}", remedy=remedy)

    def caching(self, folder: Path | None) -> Self:
        """The source with a private folder of its own where it may keep what was costly to read; what is missing there is read again."""
        self._cache = folder
        return self

    def placed(self, folder: Path) -> Self:
        """The source as another process can rebuild it; a kind that holds data in memory writes it below `folder`."""
        return self


BaseSource = Datasource  # its name in `podium`


def check_initialised(source: Datasource) -> None:
    """Raise DataSourceError for a source whose class has an `__init__` of its own that did not call the one that it inherits."""
    try:
        object.__getattribute__(source, "__pydantic_fields_set__")
    except AttributeError:
        raise DataSourceError(
            f"{type(source).__name__} was not initialised: its __init__ did not call super().__init__(**kwargs).",
            field="datasources",
            remedy="Declare fields instead of an __init__, or call super().__init__(**kwargs) first.",
            code="not_initialised",
        ) from None


def load_source(fields: Mapping[str, Any]) -> Datasource:
    """The datasource of a pod file's entry. Raises ConfigError that names the entry."""
    try:
        return Datasource.load({key: value for key, value in fields.items() if key != "schema"})
    except ConfigError as error:
        field = f"datasources.{fields.get('name', '?')}.{error.field}"
        raise ConfigError(error.message, field=field, remedy=error.remedy, code=error.code) from None


def rebuildable(source: Datasource) -> None:
    """Raise DataSourceError unless a fresh process can rebuild the source from `dump()`: it will, to read the rows."""
    cls = type(source)
    known = cls.__module__ == f"{cls.package}.{cls.kind}" or any(entry_points(group=cls.package, name=cls.kind))
    if known and "<locals>" not in cls.__qualname__:
        return
    where = "this script or notebook" if cls.__module__ == "__main__" else f"module {cls.__module__}"
    raise DataSourceError(
        f"class {cls.__name__} is defined in {where}, where the process that reads rows cannot find it.",
        field=f"datasources.{source.name}",
        remedy=f"Put the class in a module of an installed package and declare it there: "
        f'[project.entry-points."{cls.package}"] {cls.kind} = "your_package.{cls.kind}:{cls.__name__}".',
        code="not_rebuildable",
    )


__getattr__ = lazy_kinds(__name__)
