"""A file's profile for a person's eyes: by the disclosure rules, or exact where she asked for it."""

from __future__ import annotations

from typing import Any

from podium.contracts import DatasourceSchema
from podium.privacy.disclosure import Rules, rounded
from podium.text import printable, shortened

RULES = Rules()
MOST_LISTED = 6


def discreet(schema: DatasourceSchema) -> dict[str, Any]:
    """What may be shown around: types and what they are taken for; counts of rows rounded, small ones as `fewer than`; no value.

    Not the reason for a semantic type either: it quotes exact counts.
    """
    columns = [
        {
            "name": column.name,
            "type": column.type,
            "semantic": column.semantic,
            "nulls": _rows(column.nulls or 0),
            "distinct": _distinct(column.distinct or 0),
        }
        for column in schema.columns
    ]
    return {"disclosure": "rules", "rows": _rows(schema.rows or 0), "columns": columns}


def exact(schema: DatasourceSchema) -> dict[str, Any]:
    """Everything that the profile knows, values included."""
    return {"disclosure": "full", "rows": schema.rows, "columns": [column.model_dump(mode="json") for column in schema.columns]}


def show(found: dict[str, Any]) -> None:
    """Print it as a table. The names of columns and the levels are the file's words: shown, never obeyed."""
    from rich.console import Console
    from rich.table import Column as Head
    from rich.table import Table

    console = Console(markup=False, emoji=False, highlight=False)
    console.print(printable(f"{found['path']}: {found['kind']}, {found['rows']} rows, {len(found['columns'])} columns"), soft_wrap=True)
    full = found["disclosure"] == "full"
    heads = [Head("column"), Head("type"), Head("semantic type"), Head("nulls", justify="right"), Head("distinct", justify="right")]
    table = Table(*heads, *([Head("range"), Head("mean"), Head("levels")] if full else []))
    for column in found["columns"]:
        cells = [column[name] for name in ("name", "type", "semantic", "nulls", "distinct")]
        cells += [_range(column), _short(column["mean"]), _levels(column)] if full else []
        table.add_row(*("-" if cell is None else shortened(str(cell), 80) for cell in cells))
    console.print(table)
    if not full:
        console.print(
            f"Counts of rows are rounded to {RULES.round_to}, and no value is shown: --full shows them, for you alone.", soft_wrap=True
        )


def _rows(count: int) -> str | int:
    """A count of rows as it may leave a pod."""
    return f"fewer than {RULES.min_cell}" if 0 < count < RULES.min_cell else rounded(count, RULES.round_to)


def _distinct(count: int) -> int:
    """The number of levels is told where levels could be; beyond that it counts rows."""
    return count if count <= RULES.max_levels else rounded(count, RULES.round_to)


def _levels(column: dict[str, Any]) -> str:
    listed = [f"{level['value']} ({level['rows']})" for level in column["categories"][:MOST_LISTED]]
    return ", ".join([*listed, *(["…"] if len(column["categories"]) > MOST_LISTED else [])]) or "-"


def _range(column: dict[str, Any]) -> str | None:
    return None if column["min"] is None else f"{column['min']} … {column['max']}"


def _short(value: float | None) -> str | None:
    return None if value is None else f"{value:.6g}"
