"""The checks of `podium doctor`: each looks at one thing. Nothing is started or mended, but for PODIUM_HOME, which every command closes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """What one look found. A `warn` may be as somebody wants it; a `fail` keeps something from working."""

    check: str
    state: Literal["ok", "warn", "fail"]
    said: str
    remedy: str = ""

    as_data = asdict


def examine(hub: str = "") -> Iterator[Finding]:
    """Every finding, in order. What needs PODIUM_HOME is left out where there can be none."""
    from podium.cli._doctor import install, machine, town

    yield from install.python()
    yield from install.requirements()
    home = machine.home()
    yield home
    if home.state == "fail":
        return
    yield from machine.keys()
    yield from machine.disk()
    yield from machine.ports()
    yield from town.hubs(hub)
    yield from town.prefect()
    yield from town.pods()
