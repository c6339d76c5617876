"""Sources on disk that are edited step by step, one of each kind, and an oracle of what a question has to find in them.

For tests of the run history: draw steps with `histories()`, and after each of them `write()`, let something read `source()`, and compare
what it found with `Oracle.step(rows())`. The oracle compares values one by one, and knows no digest, part or token.
"""

import json
import os
import sqlite3
from abc import abstractmethod
from collections import Counter
from pathlib import Path
from typing import ClassVar, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st
from PIL import Image

from podium.datasources import Csv, Datasource, Excel, Frame, Images, Json, Parquet, Sql
from podium.datasources.excel import write_sheet

COLUMNS = ("id", "year", "age", "site")
TYPES = {"id": "integer", "year": "integer", "age": "integer", "site": "text"}
SITES = {"n": "north", "s": "søuth", "e": "east"}
BEGINS = 1_700_000_000_000_000_000  # long ago, so that no cache distrusts the files for being young


class Row(NamedTuple):
    """One row. Ages have two digits, so that one for another leaves the size of a file as it was."""

    id: int
    year: int
    age: int | None
    site: str


class Edit(NamedTuple):
    """One thing that happens to a source: to the row or file at `at`, with `to` for whatever else there is to choose."""

    what: str
    at: int = 0
    to: int = 0


EDITS = ("add", "change", "delete", "move", "duplicate", "rename", "restore")


def edits():
    """One edit."""
    return st.builds(Edit, st.sampled_from(EDITS), st.integers(0, 99), st.integers(0, 99))


def histories(steps=4, at_once=4):
    """Steps of some edits each; a step may have none."""
    return st.lists(st.lists(edits(), max_size=at_once), min_size=1, max_size=steps)


class Counts(NamedTuple):
    """What a question finds since it was last asked."""

    new: int
    changed: int
    unchanged: int
    gone: int


class Oracle:
    """What a question has seen, as plain values."""

    def __init__(self, *, keyed):
        self._keyed, self._seen = keyed, {}

    def step(self, rows):
        """What is new now. With a key a row is what its first value says; without one it is its content, as often as it is there."""
        if not self._keyed:
            before, now = Counter(self._seen), Counter(rows)
            self._seen = now
            return Counts((now - before).total(), 0, (now & before).total(), (before - now).total())
        before, now = self._seen, {row[0]: row for row in rows}
        assert len(now) == len(rows), "a key is there twice"
        self._seen = now
        both = now.keys() & before.keys()
        changed = sum(now[key] != before[key] for key in both)
        return Counts(len(now.keys() - both), changed, len(both) - changed, len(before.keys() - both))


class Edited:
    """A source and what its custodian does to it. `edit` is on paper; `write` brings it to the disk, and touches no file without need.

    `add`, `change` and `delete` are about a row; `move` puts one to another place or file; `duplicate` repeats one, under a key of its own
    where there are keys; `rename` is about a file of several; `restore` changes a row, and the file gets its old time back.
    """

    many: ClassVar[bool] = False
    ending: ClassVar[str] = ""

    def __init__(self, folder: Path, *, keyed: bool = True, rows: int = 6) -> None:
        self.folder, self.keyed = folder / "data", keyed
        self._next = self._steps = 0
        self._on_disk: dict[str, list[Row]] = {}
        self._renamed: list[tuple[str, str]] = []
        self._restored: set[str] = set()
        names = [self._name(file) for file in range(3 if self.many else 1)]
        self.files: dict[str, list[Row]] = {name: [] for name in names}
        for number in range(rows):
            name = names[number % len(names)]
            self.files[name].append(self._row(name, number))

    @abstractmethod
    def source(self) -> Datasource:
        """The source as a pod has it; always configured alike."""

    @abstractmethod
    def _save(self, path: Path, rows: list[Row]) -> None:
        """Write one file in place."""

    def rows(self) -> list[tuple]:
        """What is there."""
        return [row for name in sorted(self.files) for row in self.files[name]]

    def seen(self) -> list[tuple]:
        """What the source itself says is there, sorted as text."""
        batches = self.source().read(COLUMNS)
        return sorted((Row(**row) for batch in batches for row in batch.to_pylist()), key=repr)

    def edit(self, edit: Edit) -> None:
        """Raises AttributeError for what is no edit."""
        getattr(self, f"_{edit.what}")(edit)

    def write(self) -> None:
        """Bring every edit since the last call to the disk."""
        self._steps += 1
        for old, new in self._renamed:
            if old in self._on_disk:
                (self.folder / new).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / old).rename(self.folder / new)
                self._on_disk[new] = self._on_disk.pop(old)
        for name in [name for name in self._on_disk if name not in self.files]:
            (self.folder / name).unlink()
            del self._on_disk[name]
        for name, rows in self.files.items():
            if rows != self._on_disk.get(name):
                self._write(name, rows)
        self._renamed, self._restored = [], set()

    def _write(self, name: str, rows: list[Row]) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        at = path.stat().st_mtime_ns if name in self._restored and path.exists() else BEGINS + self._steps * 10**9
        self._save(path, rows)
        os.utime(path, ns=(at, at))
        self._on_disk[name] = list(rows)

    def _add(self, edit: Edit) -> None:
        name, _ = self._at(edit)
        self.files[name].insert(edit.to % (len(self.files[name]) + 1), self._row(name, edit.to))

    def _change(self, edit: Edit) -> None:
        name, place = self._at(edit)
        row = self.files[name][place]
        age = None if row.age is not None and edit.to % 5 == 0 else _other(row.age, edit.to)
        self.files[name][place] = row._replace(age=age)

    def _restore(self, edit: Edit) -> None:
        name, place = self._at(edit)
        row = self.files[name][place]
        self.files[name][place] = row._replace(age=_other(row.age, edit.to))
        self._restored.add(name)

    def _delete(self, edit: Edit) -> None:
        if len(self.rows()) > 1:
            self._take(*self._at(edit))

    def _move(self, edit: Edit) -> None:
        name, place = self._at(edit)
        row = self.files[name].pop(place)
        near = [other for other in sorted(self.files) if Path(other).parent == Path(name).parent]
        other = near[edit.to % len(near)]
        self.files[other].insert(edit.to % (len(self.files[other]) + 1), row)
        if not self.files[name]:
            del self.files[name]

    def _duplicate(self, edit: Edit) -> None:
        name, place = self._at(edit)
        row = self.files[name][place]
        copy = row._replace(id=self._number()) if self.keyed else row
        self.files[name].insert(edit.to % (len(self.files[name]) + 1), copy)

    def _rename(self, edit: Edit) -> None:
        if self.many:  # the name of an only file is the custodian's configuration
            name, _ = self._at(edit)
            self._to(name, str(Path(name).with_name(f"{self._number()}{self.ending}")))

    def _to(self, old: str, new: str) -> None:
        self.files[new] = self.files.pop(old)
        self._renamed.append((old, new))
        if old in self._restored:
            self._restored.add(new)

    def _take(self, name: str, place: int) -> Row:
        row = self.files[name].pop(place)
        if not self.files[name]:
            del self.files[name]
        return row

    def _at(self, edit: Edit) -> tuple[str, int]:
        places = [(name, place) for name in sorted(self.files) for place in range(len(self.files[name]))]
        return places[edit.at % len(places)]

    def _name(self, number: int) -> str:
        return f"{number}{self.ending}"

    def _row(self, name: str, seed: int) -> Row:
        return Row(self._number(), self._year(name, seed), 10 + seed * 7 % 90, list(SITES.values())[seed % 3])

    def _year(self, name: str, seed: int) -> int:
        return 2020 + seed % 3

    def _number(self) -> int:
        self._next += 1
        return self._next

    @property
    def _configured(self) -> dict:
        path = self.folder if self.many else self.folder / self._name(0)
        return {"name": "edited", "path": path, "key": ("id",) if self.keyed else ()}


class CsvFile(Edited):
    ending = ".csv"

    def source(self):
        return Csv(**self._configured, types=TYPES)

    def _save(self, path, rows):
        lines = [",".join("" if value is None else str(value) for value in row) for row in [COLUMNS, *rows]]
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")


class CsvFolder(CsvFile):
    many = True


class JsonFile(Edited):
    ending = ".jsonl"

    def source(self):
        return Json(**self._configured, types=TYPES)

    def _save(self, path, rows):
        path.write_text("".join(f"{json.dumps(row._asdict())}\n" for row in rows), "utf-8")


class ParquetFile(Edited):
    ending = ".parquet"

    def source(self):
        return Parquet(**self._configured)

    def _save(self, path, rows):
        kinds = {name: pa.string() if name == "site" else pa.int64() for name in self._stored}
        table = {name: pa.array([getattr(row, name) for row in rows], kind) for name, kind in kinds.items()}
        pq.write_table(pa.table(table), path, row_group_size=2)

    @property
    def _stored(self):
        return COLUMNS


class ParquetFolder(ParquetFile):
    """Folders by year, which is a column of the rows and not of the files."""

    many = True

    def _name(self, number):
        return f"year={2020 + number // 2}/{number}{self.ending}"

    def _year(self, name, seed):
        return int(name.removeprefix("year=").partition("/")[0])

    @property
    def _stored(self):
        return [name for name in COLUMNS if name != "year"]


class Workbook(Edited):
    ending = ".xlsx"

    def source(self):
        return Excel(**self._configured, types=TYPES)

    def _save(self, path, rows):
        write_sheet(path, [list(COLUMNS), *map(list, rows)])


class SqliteTable(Edited):
    ending = ".sqlite"

    def source(self):
        return Sql(**self._configured, table="visit")

    def _save(self, path, rows):
        connection = sqlite3.connect(path)
        with connection:
            connection.execute("CREATE TABLE IF NOT EXISTS visit (id INTEGER, year INTEGER, age INTEGER, site TEXT)")
            connection.execute("DELETE FROM visit")
            connection.executemany("INSERT INTO visit VALUES (?, ?, ?, ?)", rows)
        connection.close()


class DataFrame(Edited):
    """A frame in memory. The pod writes it anew at each start, and nobody sees to the file's time."""

    def source(self):
        data = pd.DataFrame(self._on_disk["0"], columns=COLUMNS).astype({"age": "Int64"})
        return Frame.of(data, name="edited", key=("id",) if self.keyed else ()).placed(self.folder)

    def write(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self._on_disk = {"0": list(self.files["0"])}


class Pictures(Edited):
    """A file is a row, known by its path. `pixels`: whether a source that looks at headers alone could tell two pictures apart."""

    many = True
    ending = ".bmp"  # one size, whatever is on it

    def __init__(self, folder, *, keyed=True, rows=6, pixels=True):
        assert keyed, "a file always has its path"
        super().__init__(folder, rows=0)
        self.pixels, self.files = pixels, {}
        for seed in range(rows):
            self._add(Edit("add", 0, seed))

    def source(self):
        return Images(name="edited", path=self.folder, pixels=self.pixels)

    def rows(self):
        return [(name, *self.files[name][0][1:]) for name in sorted(self.files)]

    def seen(self):
        shown = [(row["path"], row["image"]) for batch in self.source().read(["path", "image"]) for row in batch.to_pylist()]
        return sorted(((path, year + 1792, age or None, SITES[chr(site)]) for path, (year, age, site) in shown), key=repr)

    def _save(self, path, rows):
        (row,) = rows
        Image.frombytes("L", (3, 1), bytes([row.year % 256, row.age or 0, ord(row.site[0])])).save(path)

    def _add(self, edit):
        self._put(self._row("", edit.to), edit)

    def _duplicate(self, edit):
        name, _ = self._at(edit)
        self._put(self.files[name][0], edit)

    def _move(self, edit):
        name, _ = self._at(edit)
        self._to(name, self._placed(edit))

    def _put(self, row, edit):
        self.files[self._placed(edit)] = [row]

    def _placed(self, edit):
        return f"{'ab'[edit.to % 2]}/{self._number()}{self.ending}"


KINDS = {
    "csv": CsvFile,
    "csv files": CsvFolder,
    "json": JsonFile,
    "parquet": ParquetFile,
    "parquet folder": ParquetFolder,
    "excel": Workbook,
    "sqlite": SqliteTable,
    "frame": DataFrame,
    "images": Pictures,
}
EVERY = [(kind, keyed) for kind in KINDS for keyed in (True, False) if keyed or kind != "images"]
EVERY_ID = [f"{kind}, {'by key' if keyed else 'by content'}" for kind, keyed in EVERY]


def _other(age: int | None, seed: int) -> int:
    """Another age of two digits."""
    return 10 + ((age or 10) - 10 + 1 + seed % 89) % 90
