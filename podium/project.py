"""Where the project folders (`flows tasks schemas deployments`) are, and how a process of ours puts them first on its path.

Only processes of Podium's own call `activate()`: in anybody else's, those names may mean something else. `PODIUM_PROJECT` names a
custodian's own copy of the folders, as `podium pod eject` writes it.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

from podium.errors import ConfigError

FOLDERS = ("flows", "tasks", "schemas", "deployments")
ROOT = "PODIUM_PROJECT"
MADE_BY = ".podium-version"  # in a copy: the version that it was copied from


def root() -> Path:
    """The folder that holds the project folders: what PODIUM_PROJECT names, else the installed one. Raises ConfigError."""
    named = os.environ.get(ROOT, "")
    return own_root(Path(named)) if named else installed_root()


def installed_root() -> Path:
    """`podium/_project` in an installed wheel, else the checkout."""
    here = Path(__file__).resolve().parent
    packed = here / "_project"
    return packed if packed.is_dir() else here.parent


def own_root(place: Path) -> Path:
    """A custodian's own root, made absolute. Raises ConfigError where a folder is missing: half of it would be taken from elsewhere."""
    place = place.expanduser().resolve()
    missing = [name for name in FOLDERS if not (place / name / "__init__.py").is_file()]
    if missing:
        raise ConfigError(f"{place} has no {', '.join(missing)}.", field=ROOT, remedy=f"Make a whole copy: podium pod eject {place}")
    return place


def eject(into: Path, *, version: str) -> Path:
    """Copy the installed project folders into an empty or new folder. Raises ConfigError."""
    into = into.expanduser().absolute()
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise ConfigError(f"{into} is not an empty folder.", field="DIR", remedy="Name a new one: nothing is overwritten.")
    try:
        into.mkdir(parents=True, exist_ok=True)
        for name in FOLDERS:
            shutil.copytree(installed_root() / name, into / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        (into / MADE_BY).write_text(f"{version}\n")
    except OSError as error:
        why = error.strerror or "some files could not be copied"
        raise ConfigError(f"{into} cannot be written: {why}.", field="DIR", remedy="Name a folder of your own.") from None
    return into


def copied_from(place: Path) -> str:
    """The version of Podium that this root was copied from; empty for the installed one."""
    note = place / MADE_BY
    return note.read_text("utf-8", "replace").strip() if note.is_file() else ""


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
