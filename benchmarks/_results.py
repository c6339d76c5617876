"""RESULTS.md: the table for people, and below it the lines it was made from, which are read again when only some benchmarks are run."""

from __future__ import annotations

import importlib.metadata as metadata
import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks._measure import Bar

HOW = """Each script builds its own data and measures a floor or a rival in the same run; figures are medians. `ratio` is ours over the
floor. CPU seconds and ratios travel from machine to machine, wall seconds less so. `load` is the machine's one-minute load just before:
others were at work where it is high, and wall seconds are too. What ran just before in the same series counts as well, up to 1 or so."""
VERSIONS = ("podium", "prefect", "pandera", "polars", "pyarrow", "duckdb", "pandas", "fastapi", "sqlalchemy", "cryptography")
_LINE = re.compile(r"^(?P<when>\d{4}-\d\d-\d\d \d\d:\d\d) load (?P<load>[\d.]+) (?P<line>\{.*\})$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """One benchmark's last line, when it was taken (UTC), and how busy the machine was just before."""

    when: str
    load: float
    line: dict[str, Any]

    def has(self, name: str) -> bool:
        """Whether it was taken: a line from before a figure was added has none."""
        return name in self.line or name in self.line["checks"]

    def figure(self, name: str) -> float:
        return float(self.line[name] if name in self.line else self.line["checks"][name])


def read(path: Path) -> dict[str, Taken]:
    text = path.read_text() if path.is_file() else ""
    found = [Taken(when=m["when"], load=float(m["load"]), line=json.loads(m["line"])) for m in _LINE.finditer(text)]
    return {one.line["name"]: one for one in found}


def write(path: Path, results: Mapping[str, Taken], *, bars: Mapping[str, Sequence[Bar]]) -> None:
    rows, missed, held = [], [], 0
    for name, taken in sorted(results.items()):
        for place, bar in enumerate(one for one in bars[name] if taken.has(one.figure)):
            figure = taken.figure(bar.figure)
            holds = bar.holds(figure)
            held += holds
            if not holds:
                missed.append(f"- **{name}**, {bar.what}: {figure:g}, bar {bar}: {_far(bar, figure)}.")
            rows.append(_row(taken, bar, figure, holds=holds, first=place == 0))
    notes = path.with_name("NOTES.md")
    parts = [
        "# What Podium costs\n\nWritten by `python -m benchmarks`; do not edit. The notes are by hand, in `NOTES.md`.",
        f"{held} of {len(rows)} bars held. {_machine()} {_when(results)}",
        HOW,
        "\n".join(["| name | figure | ours | floor | ratio | bar | holds | load |", "|---|---|---|---|---|---|---|---|", *rows]),
        "## What is not held, and by how much\n\n" + ("\n".join(missed) or "Everything is held."),
        "## What proves that the work was done\n\n" + "\n".join(f"- **{name}**: {_checks(one)}" for name, one in sorted(results.items())),
        notes.read_text().strip() if notes.is_file() else "",
        "## The lines\n\n```\n" + "\n".join(f"{t.when} load {t.load} {json.dumps(t.line)}" for _, t in sorted(results.items())) + "\n```",
    ]
    path.write_text("\n\n".join(part for part in parts if part) + "\n")


def _row(taken: Taken, bar: Bar, figure: float, *, holds: bool, first: bool) -> str:
    line = taken.line
    beside = (f"{line['floor']:g} {line['unit']}", f"{line['ratio']:g}x", f"{taken.load:g}") if first else ("", "", "")
    ours = f"{figure:g} {line['unit']}" if bar.figure == "value" else f"{figure:g}"
    if first and bar.figure == "ratio":
        ours = f"{line['value']:g} {line['unit']}, {figure:g}x"
    return f"| {line['name']} | {bar.what} | {ours} | {beside[0]} | {beside[1]} | {bar} | {'yes' if holds else '**no**'} | {beside[2]} |"


def _far(bar: Bar, figure: float) -> str:
    if bar.most == 0:
        return "none is allowed"
    return f"{figure / bar.most:.2f} times the bar" if bar.most is not None else f"{100 * figure / (bar.least or 1):.0f} % of the bar"


def _checks(taken: Taken) -> str:
    return ", ".join(
        f"{name} {json.dumps(value) if isinstance(value, dict | list) else value}" for name, value in taken.line["checks"].items()
    )


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in VERSIONS)
    system = f"{platform.system()} {platform.machine()}, {platform.python_implementation()} {platform.python_version()}"
    return f"Machine: {os.cpu_count()} cores, {memory:.0f} GiB, {system}; {versions}."


def _when(results: Mapping[str, Taken]) -> str:
    days = sorted({taken.when[:10] for taken in results.values()})
    return f"Taken {' to '.join(dict.fromkeys((days[0], days[-1])))} (UTC)." if days else ""
