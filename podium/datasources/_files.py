"""Which files a datasource has: one file, a folder with all below it, or a pattern; filtered, and in an order that stays.

A folder that may not be read is an error, for to serve half of the files in silence is worse than to serve none. What is no file (a pipe,
a device, a socket, a link that leads nowhere) is passed over, and so is a file that goes away while the folder is read.
"""

from __future__ import annotations

import errno
import gc
import hashlib
import logging
import os
import re
import stat
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field, field_validator

from podium.datasources import DISTINCT, Datasource
from podium.datasources._faults import explained, fault
from podium.errors import DataSourceError

MAGIC = re.compile(r"[*?\[]")
_DOUBLE = re.compile(r"((?:(?:^|(?<=/))\*\*/)+|\*\*+)")
WORD = (1 << 64) - 1
log = logging.getLogger("podium.datasources")
Links = Literal["no", "files", "all"]
Row = tuple[str, int, int, int, int]
Columns = tuple[list[str], list[int], list[int], list[int], list[int]]  # of some files: each field of Found by itself


class Found(NamedTuple):
    """One file: its path below the root with `/` between the parts, size in bytes, when it changed, inode, when it was touched.

    Both times are nanoseconds since 1970. What is written to a file changes it, and who likes may set that time back; whatever is done to
    it touches it, renaming and a change of rights included, and that time is the system's alone.
    """

    name: str
    size: int
    changed: int
    inode: int
    touched: int

    @property
    def token(self) -> str:
        """Equal tokens, equal bytes: as far as the file system tells."""
        return f"{self.size}:{self.changed}:{self.inode}:{self.touched}"

    @classmethod
    def of(cls, name: str, about: os.stat_result) -> Found:
        """The file of that name, as the system describes it."""
        return cls(name, about.st_size, about.st_mtime_ns, about.st_ino, about.st_ctime_ns)


class Files(Datasource):
    """A datasource made of files. `path`: one file, a folder (everything below it), or a pattern with `*`, `?`, `[…]` and `**`.

    `extensions` (empty: those of the kind), `min_bytes`, `max_bytes` and `modified_after` say which of a folder's or pattern's files
    count. `follow_links`: links found on the way are passed over (`no`), followed to files, or followed to `all`, wherever they lead;
    `path` itself may be a link. Names that begin with a dot are passed over.
    """

    path: Path
    extensions: tuple[str, ...] = Field(default=(), json_schema_extra=DISTINCT)
    min_bytes: int = Field(default=0, ge=0)
    max_bytes: int | None = Field(default=None, ge=0)
    modified_after: date | datetime | None = None
    follow_links: Links = "no"

    @field_validator("path")
    @classmethod
    def _whole(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @property
    def root(self) -> Path:
        """The folder that the names of the files are relative to."""
        if self.path.is_dir():
            return self.path
        if self._one:
            return self.path.parent
        parts = self.path.parts
        magic = next(i for i, part in enumerate(parts) if MAGIC.search(part))
        return Path(*parts[:magic])

    def files(self) -> list[Found]:
        """The files that count, in the order of their folders and names. Raises DataSourceError where there is none."""
        with explained(self.path):
            found = [look(self.path)] if self._one else self._below()
        if not found:
            raise self._none()
        return found

    def token(self) -> str:
        """Of all files, in the order of their folders and names."""
        return self._tally().token

    def _tally(self) -> Tally:
        """Of all files. They are looked at folder by folder, and never held all at once. Raises DataSourceError where there is none."""
        tally = Tally()
        if self._one:
            tally.add(_columns(self.files()))
            return tally
        with explained(self.path), _without_collector():
            for files in self._folders():
                tally.add(files)
        if not tally.count:
            raise self._none()
        return tally

    @property
    def _one(self) -> bool:
        return self.path.is_file() or not (MAGIC.search(str(self.path)) or self.path.is_dir())

    @property
    def _endings(self) -> tuple[str, ...]:
        return tuple(end.lower() if end.startswith(".") else f".{end.lower()}" for end in self.extensions) or self.suffixes

    def _none(self) -> DataSourceError:
        remedy = "Correct `path`, or the filters: extensions, min_bytes, max_bytes, modified_after, follow_links."
        return fault(self.path, "no file here counts.", remedy=remedy, code="no_files")

    def _below(self) -> list[Found]:
        with _without_collector():
            return _named(self._folders())

    def _folders(self) -> Iterator[Columns]:
        """The files that count, a folder at a time."""
        pattern = None if self.path.is_dir() else matcher(self.path.relative_to(self.root).as_posix())
        endings = self._endings if pattern is None or self.extensions else ()
        fits = self._fits(pattern)
        for files in folders(self.root, endings=endings, links=self.follow_links):
            yield _columns(filter(fits, zip(*files, strict=True))) if fits else files

    def _fits(self, pattern: re.Pattern[str] | None) -> Callable[[Row], bool] | None:
        """Whether a file counts by its name, size and time; None where all do."""
        if pattern is None and not self.min_bytes and self.max_bytes is None and self.modified_after is None:
            return None
        most = float("inf") if self.max_bytes is None else self.max_bytes
        since = float("-inf") if self.modified_after is None else int(_seconds(self.modified_after) * 1e9)

        def fits(row: Row) -> bool:
            name, size, changed, *_ = row
            return self.min_bytes <= size <= most and changed >= since and (pattern is None or pattern.fullmatch(name) is not None)

        return fits


class Tally:
    """Of files that are told one after another: a token, and when the youngest of them was changed or touched."""

    def __init__(self) -> None:
        self.count = self.latest = 0
        self._alone = ""
        self._names, *self._numbers = (hashlib.blake2b(digest_size=16) for _ in Found._fields)

    def add(self, files: Columns) -> None:
        """Some more, while all of it is in the processor's cache."""
        names, *columns = files
        if not names:
            return
        self._alone = "" if self.count or len(names) > 1 else Found(names[0], *(numbers[0] for numbers in columns)).token
        self.count += len(names)
        self._names.update("\0".join((*names, "")).encode())
        for digest, numbers in zip(self._numbers, columns, strict=True):
            try:
                digest.update(array("q", numbers))
            except OverflowError:  # an inode or a time that some file systems make up
                digest.update(array("Q", [number & WORD for number in numbers]))
        _, changed, _, touched = columns
        self.latest = max(self.latest, max(changed), max(touched))

    @property
    def token(self) -> str:
        """Equal tokens, equal files: their names, and each one's own token. However many were added at once."""
        together = b"".join(digest.digest() for digest in (self._names, *self._numbers))
        return self._alone or f"{self.count}:{hashlib.blake2b(together, digest_size=16).hexdigest()}"


def walk(root: Path, *, endings: tuple[str, ...], links: Links) -> list[Found]:
    """All files of `folders`."""
    with _without_collector():
        return _named(folders(root, endings=endings, links=links))


def folders(root: Path, *, endings: tuple[str, ...], links: Links) -> Iterator[Columns]:
    """Every file below `root` whose name ends so (empty: all), folder by folder. A folder met twice by links is entered once.

    Raises DataSourceError for a folder that may not be read. A name that is no UTF-8 cannot be said in a schema or a reply: such files
    are passed over, and the log says how many.
    """
    waiting, seen, unnamed = [("", str(root))], set[tuple[int, int]](), 0
    while waiting:
        below, folder = waiting.pop()
        with _opened(folder, below=below, linked=links == "all") as handle:
            if handle is None or (links == "all" and _again(handle, seen)):
                continue
            found, inside, bad = _listed(handle, below, endings=endings, links=links)
        unnamed += bad
        waiting.extend((f"{below}{name}/", f"{folder}/{name}") for name in reversed(inside))
        yield found
    if unnamed:
        _tell(str(root), unnamed)


def _named(folders: Iterable[Columns]) -> list[Found]:
    make: Callable[[Row], Found] = partial(tuple.__new__, Found)  # half the time of Found(…)
    return list(chain.from_iterable(map(make, zip(*columns, strict=True)) for columns in folders))


def _columns(files: Iterable[Row]) -> Columns:
    names, sizes, changed, inodes, touched = map(list, zip(*files, strict=True)) if (files := list(files)) else ([], [], [], [], [])
    return names, sizes, changed, inodes, touched


def token_of(files: Sequence[Found]) -> str:
    """Of these, as they stand."""
    return tallied(files).token


def tallied(files: Sequence[Found]) -> Tally:
    """Of these, as they stand."""
    tally = Tally()
    tally.add(_columns(files))
    return tally


def look(path: Path, name: str = "") -> Found:
    """One file as it is now. Raises DataSourceError where it is something else than a file."""
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise fault(path, "this is no file.", remedy="Correct `path` in the pod file.", code="not_a_file")
    return Found.of(name or path.name, about)


def matcher(pattern: str) -> re.Pattern[str]:
    """A pattern of path names as a regular expression: `*`, `?` and `[…]` stay inside a name, `**/` is any number of folders.

    What stands between two stars is looked for from the left and then settled, so that no pattern and no name keep anybody waiting.
    """
    first, *rest = _DOUBLE.split(pattern)
    out = _single(first)
    for place in range(0, len(rest), 2):
        star, after = rest[place : place + 2]
        found = ("(?:[^/]+/)*?" if star.endswith("/") else ".*?") + _single(after)
        out += found if place + 2 == len(rest) else f"(?>{found})"
    try:
        return re.compile(out, re.DOTALL)
    except re.error:
        raise fault(Path(pattern), "this is no pattern.", remedy="A range in [ ] goes upwards, as in [a-z].", code="pattern") from None


def _single(pattern: str) -> str:
    """The same for what has no `**` in it."""
    out = ""
    for name in re.split("(/)", pattern):
        before, *stars = _signs(name)
        out += before + "".join(f"(?>[^/]*?{fixed})" for fixed in stars[:-1]) + "".join(f"[^/]*?{fixed}" for fixed in stars[-1:])
    return out


def _signs(name: str) -> list[str]:
    """What stands before, between and after the stars of one name, as regular expressions."""
    found, at = [""], 0
    while at < len(name):
        if name[at] == "*":
            found.append("")
        elif name[at] == "?":
            found[-1] += "[^/]"
        elif name[at] == "[" and (end := name.find("]", at + 2 + (name[at + 1 : at + 2] == "!"))) > 0:
            inside = name[at + 1 : end]
            no, inside = ("^", inside[1:]) if inside.startswith("!") else ("", inside)
            found[-1] += f"(?!/)[{no}{''.join(sign if sign == '-' else re.escape(sign) for sign in inside)}]"
            at = end
        else:
            found[-1] += re.escape(name[at])
        at += 1
    return found


def _listed(handle: int, below: str, *, endings: tuple[str, ...], links: Links) -> tuple[Columns, list[str], int]:
    """One folder's files and folders in order, and how many names are no UTF-8. Every line of the loop runs for every file.

    Names are sorted before anything is made of them, and each field goes into a list of its own: an object less for every file.
    """
    found: Columns = ([], [], [], [], [])
    adding: list[Callable[..., None]] = [column.append for column in found]
    add_name, add_size, add_changed, add_inode, add_touched = adding
    inside: list[str] = []
    mode, inode, size = stat.ST_MODE, stat.ST_INO, stat.ST_SIZE  # a number's place takes a sixth of its name's
    kind, regular, folder = stat.S_IFMT(0o177777), stat.S_IFREG, stat.S_IFDIR
    names = sorted(os.listdir(handle))
    del names[bisect_left(names, ".") : bisect_left(names, "/")]  # all that begin with a dot, for a slash comes after it
    to_file, to_folder, plain, bad = links != "no", links == "all", "".join(names).isascii(), 0
    about_of = os.stat
    for name in names:
        fits = not endings or name.endswith(endings) or name.lower().endswith(endings)
        try:
            about = about_of(name, dir_fd=handle, follow_symlinks=to_folder or (to_file and fits))
            what = about[mode] & kind  # type: ignore[operator]
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ELOOP):  # gone by now, or a link to itself
                raise
            continue
        if not (what == folder or (fits and what == regular)):
            continue
        if not (plain or _sayable(name)):
            bad += 1
        elif what == folder:
            inside.append(name)  # a link to one too where files are followed: it will not be opened
        else:
            add_name(below + name)
            add_size(about[size])
            add_changed(about.st_mtime_ns)
            add_inode(about[inode])
            add_touched(about.st_ctime_ns)
    return found, inside, bad


@contextmanager
def _opened(folder: str, *, below: str, linked: bool) -> Iterator[int | None]:
    """A handle of the folder; None where it is gone, or a link by now that is not to be followed. The root must be there."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if linked or not below else os.O_NOFOLLOW))
    except PermissionError:
        remedy = "Let the pod's user enter and read it (chmod or chown), or serve a folder that does not contain it."
        raise fault(Path(folder), "this folder may not be read.", remedy=remedy, code="permission") from None
    except OSError as error:
        if not below and error.errno == errno.ENOTDIR:
            raise FileNotFoundError from None
        if not below or error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _without_collector() -> Iterator[None]:
    """A quarter of a million tuples make the garbage collector look at all of them again and again, and none is garbage."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _again(handle: int, seen: set[tuple[int, int]]) -> bool:
    about = os.fstat(handle)
    place = (about.st_dev, about.st_ino)
    if place in seen:
        return True
    seen.add(place)
    return False


def _sayable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


@cache
def _tell(root: str, unnamed: int) -> None:
    log.warning("%s: %d names below are not UTF-8 and are passed over; rename them to have them served", root, unnamed)


def _seconds(when: date | datetime) -> float:
    return (when if isinstance(when, datetime) else datetime.combine(when, time.min).astimezone()).timestamp()
