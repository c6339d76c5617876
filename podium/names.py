"""What a name may be: of a pod, an owner, a datasource. Peers choose some of them, and they end up in addresses and paths."""

from __future__ import annotations

import re

from pydantic.config import JsonDict

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")

# The same rules for JSON Schema.
NAME_SCHEMA: JsonDict = {"pattern": rf"^(?!.*\.\.){NAME.pattern}$"}
IDENTIFIER_SCHEMA: JsonDict = {"pattern": rf"^(?!.*\.\.){NAME.pattern}/{NAME.pattern}$"}


def check_name(name: str, what: str = "name") -> str:
    """The name itself. Raises ValueError unless it is 1 to 63 of a-z 0-9 . _ - and begins with a letter or digit."""
    if not NAME.fullmatch(name) or ".." in name:
        raise ValueError(f"{what} {name!r} must be 1 to 63 characters of a-z, 0-9, '.', '_' or '-', without '..'")
    return name
