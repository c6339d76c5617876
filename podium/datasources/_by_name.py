"""Which kind reads a file, told from its name; or a folder or a pattern, told from the files in it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from podium.datasources import Datasource
from podium.datasources._files import MAGIC, matcher, walk
from podium.errors import ConfigError
from podium.text import shortened

LOOKED_AT = 1_000  # files of a folder


def kind_by_name(path: Path) -> str:
    """The kind whose `suffixes` the name ends in; of a folder or pattern, the one kind of the files there. Raises ConfigError."""
    known = {suffix: kind for kind in Datasource.kinds() for suffix in Datasource.of(kind).suffixes}
    path = path.expanduser()
    names = [path.name]
    if path.is_dir() or (MAGIC.search(str(path)) and not path.is_file()):
        names = _names(path.absolute()) or names
    found = Counter(kind for name in names if (kind := _kind(name, known)))
    if len(found) == 1:
        return next(iter(found))
    told = shortened(path.name or str(path))
    if found:
        message = f"{told} has files of several kinds: {', '.join(sorted(found))}."
        remedy = f"Say which files are meant with a pattern, as in {path / '*.csv'}."
        raise ConfigError(message, field="path", remedy=remedy, code="unknown_kind")
    raise ConfigError(
        f"the kind of {told} cannot be told from its name." if names == [path.name] else f"{told} has no file of a known kind.",
        field="path",
        remedy=f"Known endings: {', '.join(sorted(known))}.",
        code="unknown_kind",
    )


def name_by_path(path: Path) -> str:
    """The file's or folder's name without its ending, as a datasource may be called; of a pattern, the folder's."""
    plain = next((one for one in (path, *path.parents) if not MAGIC.search(str(one))), path)
    stem = re.sub(r"[^a-z0-9]+", "-", plain.name.split(".")[0].lower()).strip("-")
    return stem[:63].rstrip("-") or "data"


def _kind(name: str, known: dict[str, str]) -> str | None:
    return next((known[suffix] for suffix in sorted(known, key=len, reverse=True) if name.lower().endswith(suffix)), None)


def _names(path: Path) -> list[str]:
    """The names of the first files below a folder, or of those that a pattern means."""
    root = next(one for one in (path, *path.parents) if one.is_dir() and (one != path or path.is_dir()) and not MAGIC.search(str(one)))
    pattern = None if path.is_dir() else matcher(path.relative_to(root).as_posix())
    names = []
    for found in walk(root, endings=(), links="no"):
        if pattern is None or pattern.fullmatch(found.name):
            names.append(found.name.rpartition("/")[2])
        if len(names) == LOOKED_AT:
            break
    return names
