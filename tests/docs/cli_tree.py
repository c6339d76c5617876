"""The command line as it is: every verb that can be called, with its options."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import podium.cli
from podium.cli._frame import VERBS, load


@functools.cache
def leaves() -> dict[str, Any]:
    """`pod start` → its command, for every verb whose file is there."""
    here = Path(podium.cli.__file__).parent
    found: dict[str, Any] = {}
    for verb in VERBS:
        if (here / f"{verb}.py").is_file():
            found.update(_below(verb, load(verb)))
    return found


def _below(words: str, command: Any) -> dict[str, Any]:
    """What is called by these words and by more: the default of a group that has one goes by the group's own name."""
    found: dict[str, Any] = {}
    for name, one in (getattr(command, "commands", None) or {}).items():
        is_default = name == getattr(command, "default", None)
        found.update(_below(words if is_default else f"{words} {name}", one))
    return found or {words: command}


def options_of(command: Any) -> set[str]:
    """The options it takes."""
    return {name for each in command.params for name in (*each.opts, *each.secondary_opts) if name.startswith("--")}


def command_of(words: list[str]) -> tuple[str, list[str]]:
    """(verb, the rest) of a command line. Raises KeyError for one that does not exist."""
    for length in (3, 2, 1):
        verb = " ".join(words[:length])
        if verb in leaves():
            return verb, words[length:]
    raise KeyError(" ".join(words))
