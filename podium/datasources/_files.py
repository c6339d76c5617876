"""Which files a datasource has: one file, a folder with all below it, or a pattern; filtered, and in an order that stays."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import date, datetime, time
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field, field_validator

from podium.datasources import DISTINCT, Datasource
from podium.datasources._faults import explained, fault

MAGIC = re.compile(r"[*?\[]")


class Found(NamedTuple):
    """One file: its path below the root with `/` between the parts, size in bytes, time of change in nanoseconds, inode."""

    name: str
    size: int
    changed: int
    inode: int

    @property
    def token(self) -> str:
        """Equal tokens, equal bytes: as far as the file system tells."""
        return f"{self.size}:{self.changed}:{self.inode}"


class Files(Datasource):
    """A datasource made of files. `path`: one file, a folder (everything below it), or a pattern with `*`, `?`, `[…]` and `**`.

    `extensions` (empty: those of the kind), `min_bytes`, `max_bytes` and `modified_after` say which of a folder's or pattern's files
    count. `follow_links`: links found on the way are passed over (`no`), followed to files, or followed to `all`; `path` itself may be
    a link. Names that begin with a dot are passed over.
    """

    path: Path
    extensions: tuple[str, ...] = Field(default=(), json_schema_extra=DISTINCT)
    min_bytes: int = Field(default=0, ge=0)
    max_bytes: int | None = Field(default=None, ge=0)
    modified_after: date | datetime | None = None
    follow_links: Literal["no", "files", "all"] = "no"

    @field_validator("path")
    @classmethod
    def _whole(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @cached_property
    def root(self) -> Path:
        """The folder that the names of the files are relative to."""
        if self._one:
            return self.path.parent
        parts = self.path.parts
        magic = next((i for i, part in enumerate(parts) if MAGIC.search(part)), len(parts))
        return Path(*parts[:magic])

    def files(self) -> list[Found]:
        """The files that count, in the order of their folders and names. Raises DataSourceError where there is none."""
        with explained(self.path):
            found = [_look(self.path)] if self._one else list(self._below())
        if not found:
            remedy = "Correct `path`, or the filters: extensions, min_bytes, max_bytes, modified_after, follow_links."
            raise fault(self.path, "no file here counts.", remedy=remedy, code="no_files")
        return found

    @property
    def _one(self) -> bool:
        return self.path.is_file() or not (MAGIC.search(str(self.path)) or self.path.is_dir())

    def _below(self) -> Iterator[Found]:
        pattern = None if self.path.is_dir() else matcher(self.path.relative_to(self.root).as_posix())
        endings = tuple(end.lower() if end.startswith(".") else f".{end.lower()}" for end in self.extensions) or self.suffixes
        since = 0 if self.modified_after is None else int(_seconds(self.modified_after) * 1e9)
        for found in walk(self.root, endings=endings if pattern is None or self.extensions else (), links=self.follow_links):
            if found.size < self.min_bytes or (self.max_bytes is not None and found.size > self.max_bytes) or found.changed < since:
                continue
            if pattern is None or pattern.fullmatch(found.name):
                yield found


def walk(root: Path, *, endings: tuple[str, ...], links: Literal["no", "files", "all"]) -> Iterator[Found]:
    """Every file below `root` whose name ends so (empty: all), folder by folder. A folder met twice by links is entered once."""
    waiting, seen = [("", str(root))], set[tuple[int, int]]()
    while waiting:
        below, folder = waiting.pop()
        if links == "all":
            place = Path(folder).stat()
            if (place.st_dev, place.st_ino) in seen:
                continue
            seen.add((place.st_dev, place.st_ino))
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
        folders = []
        for entry in listed:
            name = entry.name
            if name.startswith(".") or (links == "no" and entry.is_symlink()):
                continue
            if entry.is_dir(follow_symlinks=links == "all"):
                folders.append((f"{below}{name}/", entry.path))
            elif (not endings or name.lower().endswith(endings)) and entry.is_file():
                about = entry.stat()
                yield Found(below + name, about.st_size, about.st_mtime_ns, about.st_ino)
        waiting.extend(reversed(folders))


def matcher(pattern: str) -> re.Pattern[str]:
    """A pattern of path names as a regular expression: `*` and `?` stay inside a name, `**/` is any number of folders."""
    out, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            out, at = out + "(?:[^/]+/)*", at + 3
        elif pattern.startswith("**", at):
            out, at = out + ".*", at + 2
        elif pattern[at] in "*?":
            out, at = out + ("[^/]*" if pattern[at] == "*" else "[^/]"), at + 1
        elif pattern[at] == "[" and (end := pattern.find("]", at + 2)) > 0:
            inside = pattern[at + 1 : end].replace("\\", "\\\\")
            out, at = out + (f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"), end + 1
        else:
            out, at = out + re.escape(pattern[at]), at + 1
    return re.compile(out)


def _look(path: Path) -> Found:
    about = path.stat()
    return Found(path.name, about.st_size, about.st_mtime_ns, about.st_ino)


def _seconds(when: date | datetime) -> float:
    return (when if isinstance(when, datetime) else datetime.combine(when, time.min).astimezone()).timestamp()
