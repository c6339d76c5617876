"""A profile for a person's eyes: by the disclosure rules, or exact where she asked for it."""

from __future__ import annotations

from typing import Any

from podium.contracts import Column, Count, DatasourceSchema
from podium.privacy import told
from podium.privacy.disclosure import Rules
from podium.privacy.outline import Bar, outline
from podium.text import printable, shortened

MOST_LISTED = 6
_HEIGHTS = " ▁▂▃▄▅▆▇█"
_WORDS = ("description", "unit", "labels")


def discreet(schema: DatasourceSchema, rules: Rules) -> dict[str, Any]:
    """What may be shown around: types and what they are taken for; counts of rows rounded, small ones as `fewer than`; no value.

    Not the reason for a semantic type either: it quotes exact counts.
    """
    columns = [_discreet(column, schema, rules) for column in schema.columns]
    return {"disclosure": "rules", "rows": told.count(schema.rows or 0, rules), "columns": columns}


def exact(schema: DatasourceSchema) -> dict[str, Any]:
    """Everything that the profile knows, values included."""
    return {"disclosure": "full", "rows": schema.rows, "columns": [column.model_dump(mode="json") for column in schema.columns]}


def missing(nulls: Count | None, rows: Count, rules: Rules) -> str:
    """The share of rows without a value, from counts that may be told."""
    if nulls is None or isinstance(rows, str):
        return "-"
    if isinstance(nulls, str):
        return f"< {-(-100 * rules.min_cell // rows)} %" if rows else "-"
    share = round(100 * nulls / rows) if rows else 0
    return f"{min(share, 100)} %" if share or not nulls else "< 1 %"


def drawn(bars: tuple[Bar, ...]) -> str:
    """The bars' heights in a word."""
    most = max((bar.rows for bar in bars), default=0)
    return "".join(_HEIGHTS[-(-bar.rows * (len(_HEIGHTS) - 1) // most)] for bar in bars) if most else ""


def show(found: dict[str, Any], rules: Rules) -> None:
    """Print it as a table. The names of columns and the levels are the file's words: shown, never obeyed."""
    from rich.console import Console
    from rich.table import Column as Head
    from rich.table import Table

    console = Console(markup=False, emoji=False, highlight=False)
    console.print(printable(f"{found['path']}: {found['kind']}, {found['rows']} rows, {len(found['columns'])} columns"), soft_wrap=True)
    full = found["disclosure"] == "full"
    said = [name for name in ("unit", "description") if any(column.get(name) for column in found["columns"])]
    shape = ("range", "mean", "levels") if full else ("missing", "shape")
    heads = [Head("column"), Head("type"), Head("semantic type"), Head("nulls", justify="right"), Head("distinct", justify="right")]
    table = Table(*heads, *map(Head, (*shape, *said)))
    for column in found["columns"]:
        cells = [column[name] for name in ("name", "type", "semantic", "nulls", "distinct")]
        cells += [_range(column), _short(column["mean"]), _levels(column)] if full else [column["missing"], column["shape"]]
        cells += [column.get(name) or "" for name in said]
        table.add_row(*("-" if cell is None else shortened(str(cell), 80) for cell in cells))
    console.print(table)
    if not full:
        console.print(
            f"Counts of rows are rounded to {rules.round_to}, and no value is shown: --full shows them, for you alone.", soft_wrap=True
        )


def _discreet(column: Column, schema: DatasourceSchema, rules: Rules) -> dict[str, Any]:
    counted = told.counted(schema, rules)
    nulls = told.count(column.nulls or 0, rules) if counted else None
    rows = schema.rows or 0
    return {
        "name": column.name,
        "type": column.type,
        "semantic": column.semantic,
        "nulls": nulls,
        "missing": missing(nulls, told.count(rows, rules), rules),
        "distinct": told.distinct(column, rules) if counted else None,
        "shape": drawn(outline(column, rows, rules)) if counted else "",
        **{word: value for word in _WORDS if (value := getattr(column, word))},
    }


def _levels(column: dict[str, Any]) -> str:
    listed = [f"{level['value']} ({level['rows']})" for level in column["categories"][:MOST_LISTED]]
    return ", ".join([*listed, *(["…"] if len(column["categories"]) > MOST_LISTED else [])]) or "-"


def _range(column: dict[str, Any]) -> str | None:
    return None if column["min"] is None else f"{column['min']} … {column['max']}"


def _short(value: float | None) -> str | None:
    return None if value is None else f"{value:.6g}"
