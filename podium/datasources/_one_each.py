"""What kinds share whose datapoints are files, one each: rows made of the files' heads, and the pixels only where they are asked for.

A file that cannot be read as what it claims to be does not stop the others: it is kept out, and the worker's log, which is the
custodian's, names it with the reason. A file that may not be opened does stop: that is for the custodian to mend.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import stat
import time
from abc import abstractmethod
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, NoReturn, Self

from pydantic import Field, PrivateAttr, model_validator

from podium.contracts import ColumnType, Part, SemanticType
from podium.datasources import ARROW, DISTINCT
from podium.datasources._faults import explained, fault, unknown_column
from podium.datasources._files import Files, Found, Tally, look, tallied, token_of
from podium.datasources._headers import OTHER, RACY, Head, Heads

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE = 1_000  # files whose heads are in memory together
PART_FILES = 1_024  # files of a part, on average
BATCH_BYTES = 32 << 20  # of pixels in one batch; a single larger image is a batch of its own
IMAGE = "image"
CONTENT = "(content)"  # a column that `columns()` does not name, and that no attribute's keyword or tag can be
YOUNG = "~"
PIECE = 1 << 20  # bytes of a file that are digested at a time
log = logging.getLogger("podium.datasources")


_PARTS: dict[str, dict[str, list[Found]]] = {}  # the files of each part of the source that was listed last


class Unfit(Exception):
    """Why a file is kept out: a word for the log. `OTHER`: it is no file of this kind and is passed over."""


class OneEach(Files):
    """One file, one datapoint, and its path is its key. `pixels`: whether there is a column `image`, which every run then reads."""

    gathers: ClassVar[bool] = True
    version: ClassVar[int] = 1  # of what a head is made of: heads kept by another version are read again

    key: tuple[str, ...] = Field(default=("path",), json_schema_extra=DISTINCT)
    pixels: bool = False
    _kept_out: dict[str, str] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _meanings(self) -> Self:
        """What its own columns mean is known; `force_types` may still say otherwise."""
        known = {name: semantic for name, semantic in self._known_meanings().items() if name not in self.ignore_columns}
        self.__dict__["force_types"] = {**known, **self.force_types}  # frozen, but for itself not before this
        return self

    def _known_meanings(self) -> dict[str, SemanticType]:
        return {"path": "identifier", "bytes": "continuous", **({IMAGE: "image"} if self.pixels else {})}

    @abstractmethod
    def _said(self) -> dict[str, ColumnType]:
        """The columns that come from a file's head."""

    @abstractmethod
    def _head(self, file: BinaryIO, name: str) -> tuple[Any, ...]:
        """The values of those columns, as JSON takes them: dates as days, times as microseconds, since 1970. Raises Unfit."""

    @abstractmethod
    def _image(self, file: BinaryIO) -> bytes | None:
        """The pixels and nothing else of the file. Raises Unfit."""

    @abstractmethod
    def _image_bytes(self, found: Found, said: Mapping[str, Any]) -> int:
        """About how large `_image` will be, told from the head."""

    def _placed_by_name(self, name: str) -> dict[str, Any]:
        """The values of `_by_name`."""
        return {"path": name}

    def _by_name(self) -> dict[str, ColumnType]:
        """The columns that come from a file's path."""
        return {"path": "text"}

    def columns(self) -> list[tuple[str, ColumnType]]:
        every: dict[str, ColumnType] = {**self._by_name(), **self._said(), "bytes": "integer", "modified": "timestamp"}
        if self.pixels:
            every[IMAGE] = "binary"
        return [(name, kind) for name, kind in every.items() if name not in self.ignore_columns]

    def fingerprinted(self) -> tuple[str, ...]:
        """A file's version is its bytes: it may be touched, copied back or given other rights, and is the datapoint it was."""
        return (CONTENT,)

    def read(self, columns: Sequence[str], datapoints: Collection[int] | None = None) -> Iterator[pa.RecordBatch]:
        self._check(columns)
        files, start, others = self.files(), 0, 0
        wanted = None if datapoints is None else sorted(set(datapoints))
        heads = self._heads()
        self._kept_out.clear()
        try:
            heads.only(files)
            for group in self._with_heads(heads, files):
                rows = self._fit(group)
                others += sum(head.fault == OTHER for _, head in group)
                picked = rows if wanted is None else [rows[n - start] for n in _between(wanted, start, start + len(rows))]
                yield from self._batches(picked, columns, heads)
                start += len(rows)
        finally:
            heads.close()
        if kept_out := Counter(self._kept_out.values()):
            log.warning("%s: %d files are kept out: %s", self.path, kept_out.total(), dict(kept_out))
        if not start:
            remedy = "The worker's log names each file and why." if kept_out else "Correct `path`."
            message = f"of {len(files)} files none can be read as {self.kind}." if kept_out else f"none of {others} files is of this kind."
            raise fault(self.path, message, remedy=remedy, code="no_files")

    def faults(self) -> dict[str, str]:
        """Why files are kept out, by their names below the root: for the custodian alone. Reads the heads that are not kept."""
        heads = self._heads()
        try:
            groups = list(self._with_heads(heads, self.files()))
        finally:
            heads.close()
        return {found.name: head.fault for group in groups for found, head in group if head.fault not in ("", OTHER)}

    def token(self) -> str:
        return _aging(self._tally())

    def partitions(self) -> list[Part]:
        made: dict[str, list[Found]] = {}
        for files in split(self.files()):
            made[_digest(files[0].name) if made else "first"] = files
        _PARTS.clear()
        _PARTS[str(self.dump())] = made
        return [Part(id=name, token=_aging(tallied(files)), where={"files": len(files)}) for name, files in made.items()]

    def read_part(self, part: Part, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        self._check(columns)
        if part.id not in _PARTS.get(str(self.dump()), {}):
            self.partitions()
        root, now = self.root, []
        with explained(self.path):
            for found in _PARTS[str(self.dump())].get(part.id, []):
                try:
                    now.append(look(root / found.name, found.name))
                except FileNotFoundError:
                    break
        if not now or token_of(now) != part.token.removesuffix(YOUNG):
            raise fault(self.path, "files changed while they were read.", remedy="Read it again.", code="changed_meanwhile")
        heads = self._heads()
        self._kept_out.clear()
        try:
            for group in self._with_heads(heads, now):
                yield from self._batches(self._fit(group), columns, heads)
        finally:
            heads.close()

    def kept_out(self) -> Mapping[str, str]:
        return dict(self._kept_out)

    def _fit(self, group: Sequence[tuple[Found, Head]]) -> list[tuple[Found, Head]]:
        """Those that can be read; of the others it is noted why not."""
        self._kept_out.update({found.name: head.fault for found, head in group if head.fault not in ("", OTHER)})
        return [(found, head) for found, head in group if not head.fault]

    def _check(self, columns: Sequence[str]) -> None:
        known = [name for name, _ in self.columns()]
        for name in columns:
            if name not in known and name != CONTENT:
                raise unknown_column(self.name, name, known)

    def _heads(self) -> Heads:
        form = f"{self.kind} {self.version} {list(self._said())} {self.pixels}"
        return Heads(self._cache, form=hashlib.blake2b(form.encode(), digest_size=8).hexdigest())

    def _with_heads(self, heads: Heads, files: Sequence[Found]) -> Iterator[list[tuple[Found, Head]]]:
        """The files in their order, each with its head, kept or read now; what is gone by now is left out."""
        root = self.root
        for start in range(0, len(files), AT_ONCE):
            some = files[start : start + AT_ONCE]
            known = heads.known(some)
            read_at, fresh, out = time.time_ns(), [], []
            for found in some:
                head = known.get(found.name)
                if head is None:
                    seen = self._look_into(root, found)
                    if seen is None:
                        continue
                    fresh.append(seen)
                    found, head = seen  # as it was when it was read
                out.append((found, head))
            heads.keep(fresh, read_at=read_at)
            yield out

    def _look_into(self, root: Path, found: Found) -> tuple[Found, Head] | None:
        path = root / found.name
        try:
            with self._opened(path) as file:
                about = os.fstat(file.fileno())
                found = Found.of(found.name, about)
                return found, Head(self._head(file, found.name))
        except FileNotFoundError:
            return None
        except Unfit as reason:
            if str(reason) != OTHER:
                log.warning("%s is kept out: %s", path, reason)
            return found, Head(fault=str(reason))

    def _opened(self, path: Path) -> BinaryIO:
        """Never waits for a pipe, and follows a link only where links are followed."""
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (os.O_NOFOLLOW if self.follow_links == "no" and not self._one else 0)
        try:
            file = open(path, "rb", opener=lambda name, _: os.open(name, flags))  # noqa: SIM115
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise Unfit("link") from None
            with explained(path):
                raise
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise Unfit("not_a_file")
        return file

    def _batches(self, rows: Sequence[tuple[Found, Head]], columns: Sequence[str], heads: Heads) -> Iterator[pa.RecordBatch]:
        """One batch; with pixels as many as keep each within its bytes."""
        contents = self._contents([found for found, _ in rows], heads) if CONTENT in columns else {}
        if IMAGE not in columns:
            yield self._batch(rows, columns, contents)
            return
        names, start, size = list(self._said()), 0, 0
        for place, (found, head) in enumerate(rows):
            more = self._image_bytes(found, dict(zip(names, head.said, strict=True)))
            if size + more > BATCH_BYTES and place > start:
                yield self._batch(rows[start:place], columns, contents)
                start, size = place, 0
            size += more
        yield self._batch(rows[start:], columns, contents)

    def _contents(self, files: Sequence[Found], heads: Heads) -> dict[str, bytes]:
        """16 bytes for each file, by name: XXH3 of all its bytes. Whoever must not be able to guess them keys them once more."""
        known, read_at = heads.contents(files), time.time_ns()
        fresh = [(found, self._digested(found)) for found in files if found.name not in known]
        heads.keep_contents(fresh, read_at=read_at)
        return known | {found.name: digest for found, digest in fresh}

    def _digested(self, found: Found) -> bytes:
        from xxhash import xxh3_128

        path, digest = self.root / found.name, xxh3_128()
        try:
            with self._opened(path) as file:
                while piece := file.read(PIECE):
                    digest.update(piece)
                now = Found.of(found.name, os.fstat(file.fileno()))  # once it is read to its end
        except (Unfit, FileNotFoundError):
            now = None
        if now != found:
            _changed(path)
        return digest.digest()

    def _batch(self, rows: Sequence[tuple[Found, Head]], columns: Sequence[str], contents: Mapping[str, bytes]) -> pa.RecordBatch:
        import pyarrow as pa

        shape: dict[str, ColumnType] = {CONTENT: "binary", **dict(self.columns())}
        said = {name: place for place, name in enumerate(self._said())}
        root, arrays = self.root, []
        for name in columns:
            values: list[Any]
            if name == CONTENT:
                values = [contents[found.name] for found, _ in rows]
            elif name == IMAGE:
                values = [self._pixels(root / found.name) for found, _ in rows]
            elif name == "bytes":
                values = [found.size for found, _ in rows]
            elif name == "modified":
                values = [found.changed // 1000 for found, _ in rows]
            elif name in said:
                values = [head.said[said[name]] for _, head in rows]
            else:
                values = [self._placed_by_name(found.name)[name] for found, _ in rows]
            arrays.append(pa.array(values, pa.type_for_alias(ARROW[shape[name]])))
        if not columns:
            return pa.RecordBatch.from_arrays([pa.nulls(len(rows))], names=["nothing"]).select([])
        return pa.RecordBatch.from_arrays(arrays, names=list(columns))

    def _pixels(self, path: Path) -> bytes | None:
        try:
            with self._opened(path) as file:
                return self._image(file)
        except (Unfit, FileNotFoundError):
            _changed(path)


def split(files: Sequence[Found]) -> Iterator[list[Found]]:
    """The files in their order, cut before each whose name says so: a file that comes or goes moves no other cut."""
    start = 0
    for place, found in enumerate(files):
        if place > start and int(_digest(found.name), 16) % PART_FILES == 0:
            yield list(files[start:place])
            start = place
    if files:
        yield list(files[start:])


def _aging(tally: Tally) -> str:
    """The token of the files, another one while one of them is young: what was read then is looked at again when it no longer is."""
    return tally.token + (YOUNG if tally.latest >= time.time_ns() - RACY else "")


def _digest(name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=8).hexdigest()


def _between(wanted: Sequence[int], start: int, end: int) -> Sequence[int]:
    return wanted[bisect_left(wanted, start) : bisect_left(wanted, end)]


def _changed(path: Path) -> NoReturn:
    raise fault(path, "the file changed while it was read.", remedy="Read it again.", code="changed_meanwhile")
