"""Rows fingerprinted a second at 20 columns: ours (keyed, 128 bits, the same under every version) beside DuckDB's `hash()` (64 bits, none of it)."""

from __future__ import annotations

from benchmarks._measure import Bar, arguments, emit, median, prove, timed

BARS = (Bar(figure="ratio", least=0.3, what="rows a CPU second over DuckDB's (a goal of performance.md)"),)


def main(rows: int, rounds: int) -> None:
    import duckdb

    from benchmarks._table import COLUMNS, table
    from podium.datasources import BATCH_ROWS
    from podium.history.fingerprints import digests

    data = table(rows)
    batches, engine = data.to_batches(BATCH_ROWS), duckdb.connect()
    engine.register("data", data)
    found: dict[str, set[object]] = {"ours": set(), "duckdb": set()}

    def ours() -> None:
        found["ours"] = packed = set()
        for batch in batches:
            digest = digests(batch, secret=bytes(32), purpose="row")
            packed |= {digest[at : at + 16] for at in range(0, len(digest), 16)} if counting else set()

    def theirs() -> None:
        columns = ", ".join(f'"{name}"' for name in data.column_names)
        found["duckdb"] = set(engine.execute(f"SELECT bit_xor(h), count(h) FROM (SELECT hash({columns}) h FROM data)").fetchall())

    counting = True
    ours()
    distinct, counting = len(found["ours"]), False
    pairs = [(timed(ours), timed(theirs)) for _ in range(rounds)]
    mine, rival = median([rows / a.cpu for a, _ in pairs]), median([rows / b.cpu for _, b in pairs])
    ((_, hashed),) = found["duckdb"]  # type: ignore[misc]
    checks = {"rows": rows, "distinct": distinct, "hashed": hashed, "columns": data.num_columns}
    checks["rows_a_wall_second"] = median([rows / a.wall for a, _ in pairs])
    prove(checks, distinct=rows, hashed=rows, columns=COLUMNS)
    emit("fingerprints", value=mine, unit="rows/CPU s", floor=rival, checks=checks)


if __name__ == "__main__":
    given = arguments(rows=200_000, rounds=5)
    main(given.rows, given.rounds)
