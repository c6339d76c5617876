"""Where the project folders (`flows tasks schemas deployments`) are, and how a process of ours puts them first on its path.

Only processes of Podium's own call `activate()`: in anybody else's, those names may mean something else.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

FOLDERS = ("flows", "tasks", "schemas", "deployments")


def root() -> Path:
    """The folder that holds the project folders: `podium/_project` in an installed wheel, else the checkout."""
    here = Path(__file__).resolve().parent
    packed = here / "_project"
    return packed if packed.is_dir() else here.parent


def activate() -> Path:
    """Put the project's root first on `sys.path` and return it. Raises ImportError if a foreign folder is loaded already."""
    place = root()
    for name in FOLDERS:
        loaded = sys.modules.get(name)
        if loaded is not None and not any(Path(p).resolve() == place / name for p in getattr(loaded, "__path__", [])):
            raise ImportError(f"another module called {name!r} is loaded in this process: start Podium in one of its own")
    if sys.path[:1] != [str(place)]:
        sys.path.insert(0, str(place))
    return place


def load(name: str) -> ModuleType:
    """Import a module of the project by name, for the library's ports whose adapters live there."""
    activate()
    return importlib.import_module(name)
