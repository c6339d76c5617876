"""A profile for a person's eyes: by the disclosure rules, or exact where she asked for it."""

from __future__ import annotations

from typing import Any

from podium.cli._table import WIDE, lean
from podium.contracts import Column, Count, DatasourceSchema
from podium.privacy import told
from podium.privacy.disclosure import Rules
from podium.privacy.outline import drawn, outline
from podium.text import printable, shortened

MOST_LISTED = 6
SEMANTIC = "semantic\ntype"
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


def show(found: dict[str, Any], rules: Rules) -> None:
    """Print it as a table. The names of columns and the levels are the file's words: shown, never obeyed."""
    from rich.console import Console

    console = Console(markup=False, emoji=False, highlight=False)
    narrow = console.width < WIDE
    console.print(
        printable(f"{found['path']}: {found['kind']}, {_counted(found['rows'])} rows, {len(found['columns'])} columns"), soft_wrap=True
    )
    full = found["disclosure"] == "full"
    described = any(column.get("unit") or column.get("description") for column in found["columns"])
    said = described and not narrow  # the names of the columns need the room
    heads = ("column", "type", SEMANTIC, "missing", "distinct", "values" if full else "shape", *(["description"] if said else []))
    table = lean(*heads, whole=["type", SEMANTIC, "shape"], counts=["distinct"])
    for column in found["columns"]:
        nulls = column.get("missing") if narrow else None
        cells = [column["name"], column["type"], column["semantic"], nulls or _missing(column), _counted(column["distinct"])]
        cells += [_values(column) if full else column["shape"], *([_described(column)] if said else [])]
        table.add_row(*("-" if cell is None else shortened(str(cell), 200) for cell in cells))
    console.print(table)
    if not full:
        console.print(
            f"Counts of rows are rounded to {rules.round_to}, and no value is shown: --full shows them, for you alone.", soft_wrap=True
        )
    if described and narrow:
        console.print(f"A terminal {WIDE} characters wide shows descriptions and units too.", soft_wrap=True)


def _discreet(column: Column, schema: DatasourceSchema, rules: Rules) -> dict[str, Any]:
    counted = told.counted(schema, rules)
    nulls = told.count(column.nulls or 0, rules) if counted else None
    rows = schema.rows or 0
    return {
        "name": column.name,
        "type": column.type,
        "semantic": column.semantic,
        "nulls": nulls,
        "missing": told.missing(nulls, told.count(rows, rules), rules),
        "distinct": told.distinct(column, rules) if counted else None,
        "shape": drawn(outline(column, rows, rules)) if counted else "",
        **{word: value for word in _WORDS if (value := getattr(column, word))},
    }


def _missing(column: dict[str, Any]) -> str | None:
    """How many rows have no value, and which share of all that is where it is known."""
    nulls = column["nulls"]
    return f"{nulls:,} ({column['missing']})" if isinstance(nulls, int) and nulls and "missing" in column else _counted(nulls)


def _described(column: dict[str, Any]) -> str:
    unit = f"[{column['unit']}]" if column.get("unit") else ""
    return " ".join(filter(None, (column.get("description"), unit)))


def _counted(count: Count | None) -> str | None:
    return f"{count:,}" if isinstance(count, int) else count


def _values(column: dict[str, Any]) -> str:
    """Its levels with their rows, the most frequent first; else its range and mean."""
    if column["categories"]:
        listed = [f"{_value(level['value'])} ({level['rows']:,})" for level in column["categories"][:MOST_LISTED]]
        return ", ".join([*listed, *(["…"] if len(column["categories"]) > MOST_LISTED else [])])
    if column["min"] is None:
        return "-"
    return f"{column['min']} … {column['max']}" + ("" if column["mean"] is None else f", mean {column['mean']:.6g}")


def _value(value: Any) -> str:
    """As the schema writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
