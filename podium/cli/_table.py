"""A table that loses nothing on a narrow terminal: words go on below, numbers and ids stay whole, and no line stands between columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

WIDE = 100  # from here on there is room for a date and its time in one line


def lean(*heads: str, whole: Sequence[str] = (), counts: Sequence[str] = (), title: str = "") -> Table:
    """Columns under these heads. `whole` ones are never cut or broken; `counts` neither, and stand to the right."""
    from rich import box
    from rich.table import Column, Table

    columns = [
        Column(
            stacked(head) if head in counts else head,
            overflow="fold",
            no_wrap=head in whole or head in counts,
            justify="right" if head in counts else "left",
        )
        for head in heads
    ]
    gap = (0, 0) if _narrow() else (0, 1, 0, 0)
    return Table(*columns, title=title or None, title_justify="left", box=box.SIMPLE_HEAD, padding=gap, pad_edge=False, show_edge=False)


def stacked(words: str) -> str:
    """The first word above the others where the terminal is narrow."""
    return words.replace(" ", "\n", 1) if _narrow() else words


def _narrow() -> bool:
    from rich.console import Console

    return Console().width < WIDE
