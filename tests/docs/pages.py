"""The documents as the tests read them: files, sections, tables, fenced blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block and where it stands."""

    page: str
    number: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}-{self.language}-{self.number}"


def pages() -> list[Path]:
    """Every markdown file that people read."""
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def blocks(language: str) -> list[Block]:
    """The fenced blocks of that language, in all pages."""
    found = []
    for path in pages():
        for number, match in enumerate(_FENCE.finditer(path.read_text("utf-8")), start=1):
            if match.group(1) == language:
                found.append(Block(str(path.relative_to(ROOT)), number, language, match.group(2)))
    return found


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return _FENCE.sub("", text)


def reference(name: str) -> str:
    """A reference page."""
    return (DOCS / "reference" / f"{name}.md").read_text("utf-8")


def sections(text: str) -> dict[str, str]:
    """Each heading's text, marks of code left out, and what stands below it up to the next heading of any level."""
    parts = re.split(r"^(#{1,6}) (.+)$", prose(text), flags=re.MULTILINE)
    return {parts[at + 1].replace("`", "").strip(): parts[at + 2] for at in range(1, len(parts), 3)}


def rows(section: str) -> list[list[str]]:
    """The cells of every table row but the rules, each without spaces around it."""
    lines = [line for line in section.splitlines() if line.startswith("|") and not set(line) <= set("|-: ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def keys(section: str) -> dict[str, list[str]]:
    """What the first cell of each row names in code, mapped to the row's other cells."""
    return {name: cells[1:] for cells in rows(section) for name in re.findall(r"`([^`]+)`", cells[0])}
