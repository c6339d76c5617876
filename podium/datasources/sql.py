"""A table, a view or a query of a database that SQLAlchemy can reach. It is only ever read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from podium.contracts import ColumnType, canonical
from podium.datasources import Datasource
from podium.datasources._faults import unknown_column
from podium.datasources._picked import places
from podium.datasources._sql_faults import UNREADABLE, fault
from podium.errors import ConfigError, DataSourceError
from podium.files import read_private

if TYPE_CHECKING:
    import pyarrow as pa
    import sqlalchemy as sa

    from podium.datasources._sql_shape import Shape

# A second @ is a password's, and what stands behind it would be taken for the host. A SQLite file is one place, wherever a pod is started.
URL = r"^(?:sqlite(?:\+\w+)?:////.+|(?!sqlite)[a-z][a-z0-9_+]*://[^@]*(?:@[^@]*)?)$"
MOST_ROWS, BATCH_BYTES, GROWTH = 20_000, 8 << 20, 20
_GIVEN: dict[str, Any] = {"type": "string", "minLength": 1}
_RULES: dict[str, Any] = {
    "oneOf": [{"required": [one], "properties": {one: {"type": "string"}}} for one in ("url", "path")],
    "not": {"anyOf": [{"required": ["query", one], "properties": {"query": _GIVEN, one: _GIVEN}} for one in ("table", "schema_name")]},
}


class Sql(Datasource):
    """`kind: sql`. `url`: SQLAlchemy's, for any database; `path`: a SQLite file. `table`: a table or view, left out where there is but one.

    `query`: a SELECT of the custodian's instead. `types` overrule what the database says. `token_query`: its answer changes whenever a row
    does. `password_file`: holds the password and nothing else, readable by the pod's user alone.
    """

    model_config = ConfigDict(json_schema_extra=_RULES)
    kind: ClassVar[str] = "sql"
    suffixes: ClassVar[tuple[str, ...]] = (".sqlite", ".sqlite3", ".db")

    url: str = Field(default="", repr=False, json_schema_extra={"pattern": URL})
    path: Path | None = None
    table: str = ""
    schema_name: str = ""
    query: str = Field(default="", repr=False)
    types: dict[str, ColumnType] = {}
    token_query: str = Field(default="", repr=False)
    password_file: Path | None = None

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        if url.startswith("sqlite") and not re.match(URL, url):
            raise ValueError("must be sqlite:////absolute/path; `path` is taken from the pod file's folder")
        if not re.match(URL, url):
            raise ValueError("must be dialect://user@host:port/database, an @ inside the password written %40")
        return url

    @field_validator("path", "password_file")
    @classmethod
    def _whole(cls, path: Path | None) -> Path | None:
        return path and path.expanduser().absolute()

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if bool(self.url) == (self.path is not None):
            raise ValueError("give `url` or `path`, one of them")
        if self.query and (self.table or self.schema_name):
            raise ValueError("give `query`, or `table` and `schema_name`")
        return self

    @property
    def place(self) -> str:
        """The database as an error may name it."""
        from podium.datasources._sql_session import place

        return place(self._url())

    def columns(self) -> list[tuple[str, ColumnType]]:
        from podium.datasources._sql_shape import shape_of

        with self._reading() as connection:
            return list(shape_of(connection, self).types.items())

    def read(self, columns: Sequence[str], datapoints: Collection[int] | None = None) -> Iterator[pa.RecordBatch]:
        wanted = None if datapoints is None else sorted(set(datapoints))
        start = 0
        try:
            for batch in self._batches(columns):
                yield batch if wanted is None else batch.take(places(wanted, start, batch.num_rows))
                start += batch.num_rows
        except DataSourceError as error:
            if error.code == UNREADABLE:
                self._name_the_column(columns)
            raise

    def token(self) -> str:
        from podium.datasources._sql_tokens import file_state, state_of

        url = self._url()
        file = Path(str(url.database)) if url.get_backend_name() == "sqlite" else None
        before = file_state(file) if file is not None and file.is_file() else ""
        with self._reading() as connection:
            state = state_of(connection, self, before)
        which = [self.place, self.schema_name, self.table, self.query, self.types, self.key, state]
        return hashlib.sha256(canonical(which)).hexdigest()[:32]

    def _batches(self, columns: Sequence[str], *, ordered: bool = True) -> Iterator[pa.RecordBatch]:
        """Every row; as many at a time as make a batch of a few megabytes. Not `ordered`: no other column has a part in it."""
        from podium.datasources._sql_shape import shape_of

        with self._reading(column=columns[0] if len(columns) == 1 else "") as connection:
            shape = shape_of(connection, self)
            for name in columns:
                if name not in shape.types:
                    raise unknown_column(self.name, name, list(shape.types))
            wanted = shape.select(columns) if ordered else shape.select(columns).order_by(None)
            result: Any = connection.execution_options(stream_results=True).execute(wanted)
            rows, start = result.fetchmany(1), 0  # the one that SQLAlchemy has in hand already
            while rows:
                yield (batch := self._batch(shape, columns, rows, start))
                start += len(rows)
                size = max(1, min(MOST_ROWS, GROWTH * len(rows), len(rows) * BATCH_BYTES // max(1, batch.nbytes)))
                rows = result.cursor.fetchmany(size)  # the driver's own tuples: rows of SQLAlchemy's cost as much again

    def _batch(self, shape: Shape, columns: Sequence[str], rows: Sequence[Any], start: int) -> pa.RecordBatch:
        import pyarrow as pa

        from podium.datasources._sql_types import Unfit, array

        if not columns:
            return pa.RecordBatch.from_arrays([pa.nulls(len(rows))], ["nothing"]).select([])
        arrays = []
        for name, values in zip(columns, zip(*rows, strict=True), strict=True):
            try:
                arrays.append(array(values, shape.types[name], forced=name in self.types))
            except Unfit as unfit:
                raise self._misfit(name, shape.types[name], row=start + unfit.row + 1) from None
        return pa.RecordBatch.from_arrays(arrays, list(columns))

    def _misfit(self, name: str, kind: ColumnType, *, row: int) -> DataSourceError:
        """Row numbers count from 1 in the order of `read`: a rowid may be a patient's number."""
        message = f"column {name!r} of {self._what} is {kind}, and its value in row {row} is not."
        remedy = f"Correct it, or set `types: {{{name}: text}}` for this datasource."
        if self._url().get_backend_name() == "sqlite" and not self.query:
            remedy += " SQLite's typeof() finds it."
        return fault(self.place, message, remedy=remedy, code="value_does_not_fit")

    def _name_the_column(self, columns: Sequence[str]) -> None:
        """The database said that some value cannot be read, and not whose: each column by itself tells. Raises DataSourceError."""
        if len(columns) > 1:
            for name in columns:
                for _ in self._batches([name], ordered=False):
                    pass

    @property
    def _what(self) -> str:
        return "the query" if self.query else f"table {self.table!r}" if self.table else "the table"

    def _reading(self, *, column: str = "") -> AbstractContextManager[sa.Connection]:
        from podium.datasources._sql_session import reading

        return reading(self._url(self._password()), f"column {column!r} of {self._what}" if column else self._what)

    def _url(self, password: str | None = None) -> sa.URL:
        from podium.datasources._sql_session import address

        return address(self.url, self.path, password)

    def _password(self) -> str | None:
        """From its file, in whichever process opens the database: it is in no pod file and crosses no pipe."""
        if self.password_file is None:
            return None
        try:
            return read_private(self.password_file).decode().strip("\r\n")
        except (OSError, ValueError, ConfigError) as error:
            remedy = error.remedy if isinstance(error, ConfigError) else "Write the password, and nothing else, to that file (0600)."
            message = f"the password cannot be read from {self.password_file}."
            raise DataSourceError(message, field=f"datasources.{self.name}.password_file", remedy=remedy, code="database_login") from None

    @classmethod
    def sample(cls, *args: Path) -> Self:
        import sqlite3

        (folder,) = args
        path = folder / "sample.db"
        made = sqlite3.connect(path)
        made.execute("CREATE TABLE patients (id INTEGER PRIMARY KEY, age DECIMAL(5, 1), sex TEXT, smoker BOOLEAN, seen DATE, at TIMESTAMP)")
        rows = [
            (1, 34.5, "f", 1, "2024-01-05", "2024-01-05 08:30:00"),
            (2, None, None, 0, None, "2024-02-06T10:00:00+02:00"),
            (3, 51, "m", None, "2024-02-06", None),
        ]
        made.executemany("INSERT INTO patients VALUES (?, ?, ?, ?, ?, ?)", rows)
        made.commit()
        made.close()
        return cls(name="sample", path=path, table="patients", key=("id",))
