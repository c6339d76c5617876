"""Megabytes on disk of what `podium` and `podium[pod,hub]` install, as this environment has them, compiled files included.

Floor: what a person would install to build the same by hand, without its own code.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks._measure import ROOT, Bar, arguments, emit, prove

BARS = (
    Bar(figure="analyst_mb", most=250, what="what an analyst installs (MB)"),
    Bar(figure="value", most=1100, what="podium[pod,hub] (MB)"),
)
BY_HAND = ("prefect", "pandera[polars]", "duckdb", "pyarrow", "pandas", "scikit-learn", "sqlmodel", "fastapi", "uvicorn[standard]")
ROOMS = ("podium", "flows", "tasks", "schemas", "deployments")


def main() -> None:
    sizes: dict[str, dict[str, float]] = {}
    for what, wanted in {"analyst": ("podium",), "all": ("podium[pod,hub]",), "by_hand": BY_HAND}.items():
        sizes[what] = {name: megabytes(name) for name in closure(wanted)}
    total = {what: sum(found.values()) for what, found in sizes.items()}
    largest = sorted(sizes["all"], key=lambda name: -sizes["all"][name])[:4]
    checks = {
        "analyst_mb": total["analyst"],
        "distributions": len(sizes["all"]),
        "analyst_distributions": len(sizes["analyst"]),
        "empty": [name for name, size in sizes["all"].items() if size == 0],
        "largest": {name: round(sizes["all"][name]) for name in largest},
        "podium_mb": sizes["all"]["podium"],
    }
    prove(checks, empty=[])
    emit("install_size", value=total["all"], unit="MB", floor=total["by_hand"], checks=checks)


def closure(wanted: Iterable[str]) -> set[str]:
    """The distributions that these requirements bring along here. A missing one ends the measurement."""
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(one) for one in wanted]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) not in found:
                found.add((name, extra))
                needs = map(Requirement, metadata.requires(name) or [])
                waiting += [
                    one for one in needs if (one.marker is None and not extra) or (one.marker and one.marker.evaluate({"extra": extra}))
                ]
    return {name for name, _ in found}


def megabytes(name: str) -> float:
    """What its files take on disk, in whole blocks as `du` counts them. An editable podium is its source folders."""
    distribution = metadata.distribution(name)
    files = [Path(str(distribution.locate_file(file))) for file in distribution.files or []]
    if name == "podium":
        files = [file for room in ROOMS for file in (ROOT / room).rglob("*") if file.is_file()]
    return sum(file.lstat().st_blocks * 512 for file in files if file.is_file()) / 1e6


if __name__ == "__main__":
    arguments()
    main()
