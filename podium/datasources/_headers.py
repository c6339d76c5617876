"""What the heads of files said, and digests of whole files, kept so that a second pass opens none of them.

An SQLite file in the datasource's private folder: name → token and values, or why the file is kept out; name → token and digest. It holds
no more than a pass gives, is made again where it is missing or damaged, and a pass never fails because of it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from podium.datasources._files import Found

RACY = 2_000_000_000  # nanoseconds: the coarsest clock of a file system, in which a file may change and still look the same
log = logging.getLogger("podium.datasources")
_TABLES = """
CREATE TABLE IF NOT EXISTS head (name TEXT PRIMARY KEY, form TEXT, token TEXT, fault TEXT, said TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS content (name TEXT PRIMARY KEY, token TEXT, digest BLOB) WITHOUT ROWID;
"""


class Head(NamedTuple):
    """What one file's head said, in the order of the kind's columns; or why it is kept out (`OTHER`: no file of this kind)."""

    said: tuple[Any, ...] = ()
    fault: str = ""


OTHER = "other"


class Heads:
    """The kept heads of one datasource. `form` names what was asked of the files: heads of another form are read again."""

    def __init__(self, folder: Path | None, *, form: str) -> None:
        self._form, self._engine = form, None if folder is None else _opened(folder / "heads.db")

    def known(self, files: Sequence[Found]) -> dict[str, Head]:
        """Those of the files that were read before and have not changed since."""
        if self._engine is None or not files:
            return {}
        tokens = {found.name: found.token for found in files}
        query = "SELECT name, token, fault, said FROM head WHERE form = ? AND name IN (SELECT value FROM json_each(?))"
        rows: list[tuple[str, str, str, str]] = []
        with self._unharmed():
            rows = self._engine.execute(query, (self._form, json.dumps(list(tokens)))).fetchall()
        return {name: Head(tuple(json.loads(said)), reason) for name, token, reason, said in rows if tokens[name] == token}

    def keep(self, heads: Iterable[tuple[Found, Head]], *, read_at: int) -> None:
        """Keep what was read since `read_at` (nanoseconds since 1970), but of no file that was young then."""
        old = [(f.name, self._form, f.token, head.fault, json.dumps(head.said)) for f, head in heads if not young(f, read_at)]
        self._write("INSERT OR REPLACE INTO head VALUES (?, ?, ?, ?, ?)", old)

    def contents(self, files: Sequence[Found]) -> dict[str, bytes]:
        """The digests of those of the files that were read whole before and have not changed since."""
        if self._engine is None or not files:
            return {}
        tokens = {found.name: found.token for found in files}
        query = "SELECT name, token, digest FROM content WHERE name IN (SELECT value FROM json_each(?))"
        rows: list[tuple[str, str, bytes]] = []
        with self._unharmed():
            rows = self._engine.execute(query, (json.dumps(list(tokens)),)).fetchall()
        return {name: digest for name, token, digest in rows if tokens[name] == token}

    def keep_contents(self, contents: Iterable[tuple[Found, bytes]], *, read_at: int) -> None:
        """As `keep`."""
        old = [(found.name, found.token, digest) for found, digest in contents if not young(found, read_at)]
        self._write("INSERT OR REPLACE INTO content VALUES (?, ?, ?)", old)

    def only(self, files: Sequence[Found]) -> None:
        """Forget all other files: what was deleted is not to live on here."""
        if self._engine is None:
            return
        with self._unharmed():
            names = {found.name for found in files}
            for table in ("head", "content"):
                gone = {name for (name,) in self._engine.execute(f"SELECT name FROM {table}")} - names  # noqa: S608 ours
                self._write(f"DELETE FROM {table} WHERE name = ?", [(name,) for name in gone])  # noqa: S608

    def close(self) -> None:
        """No more."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _write(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if self._engine is not None and rows:
            with self._unharmed(), self._engine:
                self._engine.executemany(statement, rows)

    @contextlib.contextmanager
    def _unharmed(self) -> Iterator[None]:
        """A cache that fails is not used any more, and the files are read instead."""
        try:
            yield
        except sqlite3.Error as error:
            log.warning("the kept heads of files are not used: %s", type(error).__name__)
            self.close()


def young(found: Found, read_at: int) -> bool:
    """Whether the file might change after it was read, and still look the same: within the grain of its clocks."""
    return max(found.changed, found.touched) >= read_at - RACY


def _opened(path: Path) -> sqlite3.Connection | None:
    for attempt in (1, 2):
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            engine = sqlite3.connect(path, timeout=10, check_same_thread=False)  # an engine may pull rows from its own threads
            engine.executescript(_TABLES)
            return engine
        except (sqlite3.Error, OSError) as error:
            log.warning("the kept heads of files cannot be used: %s", type(error).__name__)
            if attempt == 1 and type(error) is sqlite3.DatabaseError:  # damaged, or no database at all
                path.unlink(missing_ok=True)
            else:
                break
    return None
