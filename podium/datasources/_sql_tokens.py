"""A cheap sign that a database's rows did not change, where there is one that can be trusted; else a sign that never comes twice.

Statistics tables are of no use here: they lag behind the rows.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from podium.datasources._sql_faults import fault
from podium.datasources._sql_shape import is_table, table_of

if TYPE_CHECKING:
    import sqlalchemy as sa

    from podium.datasources.sql import Sql

MOST_ROWS = 1_000
# The snapshot says which transactions are over: while it stays the same, nothing was written in the whole cluster. It is no sign for rows
# that lie elsewhere (foreign tables), for policies that ask who and when (row security), or on a standby, which lists nothing under way.
_SNAPSHOT = """
SELECT pg_current_snapshot()::text, pg_postmaster_start_time()::text, (SELECT system_identifier FROM pg_control_system()), c.oid::int8
FROM pg_class c WHERE c.oid = to_regclass(concat_ws('.', quote_ident(:schema), quote_ident(:name)))
AND NOT pg_is_in_recovery() AND NOT c.relrowsecurity AND (c.relkind IN ('r', 'm') AND NOT c.relhassubclass OR c.relkind = 'p'
AND NOT EXISTS (SELECT FROM pg_partition_tree(c.oid) p JOIN pg_class f ON f.oid = p.relid WHERE f.relkind = 'f'))
"""


def state_of(connection: sa.Connection, source: Sql, before: str) -> str:
    """Equal states, equal rows. `before`: `file_state`, taken before the database was opened."""
    import sqlalchemy as sa

    if source.token_query:
        found = connection.execute(sa.text(source.token_query.replace(":", r"\:"))).fetchmany(MOST_ROWS + 1)
        if len(found) > MOST_ROWS:
            raise fault(source.place, "token_query gives more than 1,000 rows.", remedy="Ask for max(…) and count(*).", code="query")
        return repr([tuple(row) for row in found])
    name = "" if source.query else table_of(connection, source)
    if name and before and is_table(connection, name):
        return before
    if name and connection.dialect.name == "postgresql":
        row = connection.execute(sa.text(_SNAPSHOT), {"schema": source.schema_name or None, "name": name}).one_or_none()
        if row is not None:
            return repr(tuple(row))
    return secrets.token_hex(16)  # a view or a query may ask for the time, and other databases tell nothing for certain


def file_state(path: Path) -> str:
    """Of a SQLite file and its write-ahead log. Both have a counter of their own, for two writes may fall into one tick of the clock.

    A log that is not there says the same as an empty one, which SQLite makes for a reader.
    """
    kept = [_stat(path), _head(path, 100)]
    log, index = Path(f"{path}-wal"), Path(f"{path}-shm")
    if log.is_file() and log.stat().st_size:
        kept += [_stat(log), _head(log, 32), _head(index, 48) if index.is_file() else ""]
    return repr(kept)


def _stat(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


def _head(path: Path, size: int) -> str:
    with path.open("rb") as file:
        return file.read(size).hex()
