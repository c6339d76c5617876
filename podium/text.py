"""Text that somebody else chose, on its way to a terminal or a log: shown, never obeyed."""

from __future__ import annotations


def printable(text: str, *, keep: str = "") -> str:
    """The text with every sign that is not plainly visible written as an escape, those in `keep` excepted.

    Control characters move the cursor and break lines, bidi marks turn the order of what follows, and a lone surrogate cannot be written.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in keep else sign.encode("unicode_escape").decode() for sign in text)


def shortened(text: str, most: int = 200) -> str:
    """The text printable, and cut after `most` signs: one sentence stays one."""
    shown = printable(text[: most + 1])
    return shown if len(shown) <= most else f"{shown[:most]}…"
