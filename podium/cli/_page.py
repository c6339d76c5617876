"""A profile as one HTML page, to look at, to show around and to print: by the disclosure rules.

- It asks nobody for anything and runs nothing: no script, and a policy that forbids the browser all but this page's own style.
- Names, labels and descriptions are somebody's words. They are shown, never obeyed: escaped, and set apart from what surrounds them.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from html import escape

from podium.cli._look import Looked
from podium.cli._page_style import STYLE
from podium.contracts import Column
from podium.privacy import told
from podium.privacy.outline import Bar, outline
from podium.text import printable

WIDTH, HEIGHT, GAP = 240, 64, 2
MOST_SIGNS = 160
NOT_SHOWN = {"identifier": "Identifiers", "text": "Texts", "image": "Names of images"}
_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"


def page(looked: Looked) -> str:
    """The whole document."""
    schema, rules = looked.schema, looked.rules
    cards = "\n".join(_card(column, looked) for column in schema.columns)
    taken = datetime.fromtimestamp(schema.generated_at, UTC).strftime("%Y-%m-%d")
    facts = [f"{_count(told.count(schema.rows or 0, rules))} rows", f"{len(schema.columns)} columns", looked.kind, f"taken on {taken}"]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_words(looked.path)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>{_bdi(looked.path)}</h1>
<p class="facts">{" · ".join(f"<span>{escape(fact)}</span>" for fact in facts)}</p>
{f'<p class="about">{_bdi(looked.description, most=2000)}</p>' if looked.description else ""}
<p class="rules">{escape(_withheld(looked))}</p>
</header>
<main>
{cards}
</main>
</body>
</html>
"""


def _card(column: Column, looked: Looked) -> str:
    schema, rules = looked.schema, looked.rules
    rows, counted = schema.rows or 0, told.counted(schema, rules)
    bars = outline(column, rows, rules) if counted else ()
    drawn = _levels(bars) if column.categories else _histogram(bars)
    kind = column.semantic if column.semantic == column.type else f"{column.semantic} · {column.type}"
    lines = [
        f"<h2>{_bdi(column.name)}{f'<small>{_bdi(column.unit)}</small>' if column.unit else ''}</h2>",
        f'<p class="kind">{escape(kind)}</p>',
        f'<p class="about">{_bdi(column.description, most=2000)}</p>' if column.description else "",
        drawn or _undrawn(column, looked),
        _labels(column) if not bars else "",
        _facts(column, looked) if counted else "",
    ]
    return f"<section>{''.join(lines)}</section>"


def _withheld(looked: Looked) -> str:
    """What the rules keep back on this page, and why."""
    rules = looked.rules
    if not told.counted(looked.schema, rules):
        return f"By the disclosure rules nothing is told of fewer than {rules.min_rows} rows, nor before all rows have been read."
    return (
        f"By the disclosure rules numbers of rows are rounded to {rules.round_to}, and a level or a bin with fewer than {rules.min_cell} "
        "rows is not shown, nor how many of them there are. Bins are estimates between round edges; the outermost, paler, are open, for "
        "the least and the greatest value are single persons'. Identifiers and texts are never listed."
    )


def _undrawn(column: Column, looked: Looked) -> str:
    """Why a card has no picture. The reason for a type is told where it quotes no figure."""
    rows, rules = looked.schema.rows or 0, looked.rules
    if not told.counted(looked.schema, rules):
        return ""  # the page says so above
    reason = "" if any(sign.isdigit() for sign in column.reason) else f": {column.reason}"
    if column.distinct == 0:
        said = "No row has a value."
    elif column.semantic in NOT_SHOWN:
        said = f"{NOT_SHOWN[column.semantic]} are not shown{reason}."
    elif len(column.categories) > rules.max_levels:
        said = f"More than {rules.max_levels} levels: none is listed."
    elif told.span(column, rows, rules):
        said = "Most values lie too close together for a picture."
    else:
        said = f"Not enough rows: a picture takes {rules.min_cell} of a level, and {told.MIN_ROWS_RANGE} of numbers or dates."
    return f'<p class="kind">{_words(said)}</p>'


def _facts(column: Column, looked: Looked) -> str:
    rows, rules = looked.schema.rows or 0, looked.rules
    share = told.missing(told.count(column.nulls or 0, rules), told.count(rows, rules), rules)
    different = told.distinct(column, rules)
    facts = {"missing": share, "levels" if column.categories else "different": "-" if different is None else _count(different)}
    if between := told.shown_range(column, rows, rules):
        facts["mostly"] = " to ".join(dict.fromkeys(_figure(end) for end in between))
    return f"<dl>{''.join(f'<div><dt>{escape(name)}</dt><dd>{escape(fact)}</dd></div>' for name, fact in facts.items())}</dl>"


def _histogram(bars: tuple[Bar, ...]) -> str:
    most = max((bar.rows for bar in bars), default=0)
    if not most:
        return ""
    wide = (WIDTH + GAP) / len(bars)
    ends = (0, len(bars) - 1)
    rects = "".join(_rect(bar, at * wide, wide - GAP, HEIGHT * bar.rows / most, at in ends) for at, bar in enumerate(bars) if bar.rows)
    drawing = f'<svg viewBox="0 0 {WIDTH} {HEIGHT + 1}" preserveAspectRatio="none" role="img" aria-label="histogram">{rects}'
    drawing += f'<path d="M0 {HEIGHT + 0.5}H{WIDTH}"/></svg>'
    return f"<figure>{drawing}<figcaption><span>{escape(bars[0].label)}</span><span>{escape(bars[-1].label)}</span></figcaption></figure>"


def _rect(bar: Bar, x: float, width: float, height: float, is_open: bool) -> str:
    shape = 'class="open" ' if is_open else ""
    shape += f'x="{x:.1f}" y="{HEIGHT - height:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f"<rect {shape}><title>{escape(bar.label)}: {bar.rows:,}</title></rect>"


def _levels(bars: tuple[Bar, ...]) -> str:
    most = max((bar.rows for bar in bars if not bar.others), default=0)
    lines = []
    for bar in bars:  # all others together are a figure only: as a bar they would make each level look small
        drawn = "" if bar.others else f'<svg aria-hidden="true"><rect width="{100 * bar.rows / most:.1f}%" height="100%"/></svg>'
        lines.append(f'<tr><th scope="row">{_bdi(bar.label)}</th><td>{drawn}</td><td>{bar.rows:,}</td></tr>')
    return f"<table>{''.join(lines)}</table>" if lines else ""


def _labels(column: Column) -> str:
    lines = "".join(f'<tr><th scope="row">{_bdi(value)}</th><td>{_bdi(label)}</td></tr>' for value, label in column.labels.items())
    return f'<table class="labels">{lines}</table>' if lines else ""


def _count(count: int | str) -> str:
    return count if isinstance(count, str) else f"{count:,}"


def _figure(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if 100 <= abs(value) < 1e12 else f"{value:g}"


def _bdi(text: str, *, most: int = MOST_SIGNS) -> str:
    """Somebody's words, whose direction of writing stays their own."""
    return f'<bdi dir="auto">{_words(text, most)}</bdi>'


def _words(text: str, most: int = MOST_SIGNS) -> str:
    shown = text if len(text) <= most else f"{text[:most]}…"
    return escape(printable(shown, keep="\n"))
