"""Python and the installed packages, held to what Podium's own metadata asks for."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from podium.cli._doctor import Finding

OLDEST = (3, 11)
EXTRAS = {"": "for everybody", "pod": "for custodians", "hub": "for operators"}
_LINE = re.compile(r"(?P<name>[\w.-]+)(\[[^\]]*\])?\s*(?P<limits>[^;]*)(;.*extra == ['\"](?P<extra>\w+)['\"])?")
_LIMIT = re.compile(r"(>=|<)\s*([\d.]+)")


def python() -> Iterator[Finding]:
    """The interpreter itself."""
    said = f"Python {platform.python_version()}"
    if sys.version_info < OLDEST:
        yield Finding("python", "fail", f"{said} is too old.", f"Install Python {'.'.join(map(str, OLDEST))} or newer.")
    else:
        yield Finding("python", "ok", said)


def requirements() -> Iterator[Finding]:
    """The packages: of Podium itself, and of each extra that is there in part."""
    for extra, title in EXTRAS.items():
        wanted = [match for line in requires("podium") or () if (match := _LINE.match(line)) and (match["extra"] or "") == extra]
        found = {match["name"]: _version(match["name"]) for match in wanted}
        wrong = [
            f"{match['name']} {installed} (wants {match['limits'].strip()})"
            for match in wanted
            if (installed := found[match["name"]]) and not fits(installed, match["limits"])
        ]
        missing = [name for name, installed in found.items() if not installed]
        yield _judged(extra, title, wrong=wrong, missing=missing, here=len(missing) < len(found))


def fits(installed: str, limits: str) -> bool:
    """Whether the version is within the limits (`>=` and `<`, which are all that pyproject.toml uses)."""
    number = _number(installed)
    return all(number >= _number(bound) if sign == ">=" else number < _number(bound) for sign, bound in _LIMIT.findall(limits))


def _judged(extra: str, title: str, *, wrong: list[str], missing: list[str], here: bool) -> Finding:
    install = "Install the versions that were tried together: pip install -r requirements.lock"
    name = f"podium[{extra}]" if extra else "podium"
    if wrong:
        return Finding(name, "fail", f"{', '.join(wrong)}: these versions do not work together.", install)
    # Parts of an extra are there for other reasons: shared with another extra, or somebody's own.
    if missing and (not extra or (here and _marks(extra))):
        return Finding(name, "fail", f"{', '.join(missing)}: not installed.", f"Run: pip install 'podium[{extra}]'" if extra else install)
    if missing:
        return Finding(name, "ok", f"{title}; not installed here")
    return Finding(name, "ok", f"{title}; complete")


def _marks(extra: str) -> bool:
    """Whether somebody meant to install that extra: its chief package is there."""
    return _version({"pod": "prefect", "hub": "uvicorn"}[extra]) != ""


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _number(text: str) -> tuple[int, ...]:
    """`3.8.8rc1` as (3, 8, 8): the numbers at its beginning."""
    parts = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in parts[0].split(".")) if parts else ()
