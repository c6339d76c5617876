"""Which kind reads a file, told from the file's name."""

from __future__ import annotations

import re
from pathlib import Path

from podium.datasources import Datasource
from podium.errors import ConfigError
from podium.text import shortened


def kind_by_name(path: Path) -> str:
    """The kind whose `suffixes` the name ends in. Raises ConfigError that lists them."""
    known = {suffix: kind for kind in Datasource.kinds() for suffix in Datasource.of(kind).suffixes}
    for suffix in sorted(known, key=len, reverse=True):
        if path.name.lower().endswith(suffix):
            return known[suffix]
    raise ConfigError(
        f"the kind of {shortened(path.name)} cannot be told from its name.",
        field="path",
        remedy=f"Known endings: {', '.join(sorted(known))}.",
        code="unknown_kind",
    )


def name_by_path(path: Path) -> str:
    """The file's name without its ending, as a datasource may be called."""
    stem = re.sub(r"[^a-z0-9]+", "-", path.name.split(".")[0].lower()).strip("-")
    return stem[:63].rstrip("-") or "data"
