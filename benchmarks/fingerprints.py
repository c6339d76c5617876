"""Rows fingerprinted a second at 20 columns, beside DuckDB's `hash()`, which has no key, 64 bits, and changes with its version."""

from __future__ import annotations

from typing import Any

from benchmarks._measure import Bar, arguments, emit, median, prove, timed

BARS = (Bar(figure="ratio", least=0.3, what="rows a CPU second over DuckDB's"),)


def main(rows: int, rounds: int) -> None:
    import duckdb

    from benchmarks._table import COLUMNS, table
    from podium.datasources import BATCH_ROWS
    from podium.history.fingerprints import digests

    data = table(rows)
    batches, engine = data.to_batches(BATCH_ROWS), duckdb.connect()
    engine.register("data", data)
    found: dict[str, Any] = {}

    def ours() -> None:
        found["ours"] = [digests(batch, secret=bytes(32), purpose="row") for batch in batches]

    def theirs() -> None:
        columns = ", ".join(f'"{name}"' for name in data.column_names)
        found["duckdb"] = engine.execute(f"SELECT bit_xor(h), count(h) FROM (SELECT hash({columns}) h FROM data)").fetchone()

    pairs = [(timed(ours), timed(theirs)) for _ in range(rounds)]
    mine, rival = median([rows / a.cpu for a, _ in pairs]), median([rows / b.cpu for _, b in pairs])
    packed, hashed = b"".join(found["ours"]), found["duckdb"][1]
    distinct = len({packed[at : at + 16] for at in range(0, len(packed), 16)})
    checks = {"rows": rows, "distinct": distinct, "hashed": hashed, "columns": data.num_columns}
    checks["rows_a_wall_second"] = median([rows / a.wall for a, _ in pairs])
    prove(checks, distinct=rows, hashed=rows, columns=COLUMNS)
    emit("fingerprints", value=mine, unit="rows/CPU s", floor=rival, checks=checks)


if __name__ == "__main__":
    given = arguments(rows=200_000, rounds=5)
    main(given.rows, given.rounds)
