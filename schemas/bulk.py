"""Datapoints by the hundred thousand, without an object for each: the one place that knows how SQLite and PostgreSQL do that.

On the way in, the packed digests go to the database as they are, and it takes them apart. On the way out it packs them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from podium.contracts import Outcome

WIDTH = 16
NOTHING = bytes(WIDTH)  # the fingerprint of what is gone
AT_ONCE = 10_000

_WRITE = {
    "sqlite": """
        WITH RECURSIVE place (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM place WHERE i + 1 < :rows)
        INSERT INTO datapoint (run_no, batch, "key", fingerprint, outcome)
        SELECT :run_no, :batch, substr(:keys, 16 * i + 1, 16), substr(:fingerprints, 16 * i + 1, 16),
            instr(:numbers, substr(:outcomes, i + 1, 1)) - 1
        FROM place
    """,
    "postgresql": """
        INSERT INTO datapoint (run_no, batch, "key", fingerprint, outcome)
        SELECT :run_no, :batch, substr(:keys, 16 * i + 1, 16), substr(:fingerprints, 16 * i + 1, 16), get_byte(:outcomes, i)
        FROM generate_series(0, :rows - 1) AS i
    """,
}

_READ = {
    # what SQLite concatenates is a text, but blobs keep their bytes in it
    "sqlite": """
        SELECT CAST(group_concat("key" || fingerprint || CASE outcome WHEN :bad THEN :in_quarantine ELSE :here END, '') AS BLOB)
        FROM datapoint WHERE run_no = :run_no AND batch = :batch AND "key" >= :low AND "key" < :high
    """,
    "postgresql": """
        SELECT string_agg("key" || fingerprint || CASE outcome WHEN %(bad)s THEN %(in_quarantine)s ELSE %(here)s END, ''::bytea)
        FROM datapoint WHERE run_no = %(run_no)s AND batch = %(batch)s AND "key" >= %(low)s AND "key" < %(high)s
    """,
}


def write(connection: Connection, run_no: int, batch: int, *, keys: bytes, fingerprints: bytes, outcomes: bytes) -> None:
    """Put down a row for each outcome. The keys are in order: the index grows at its end, and stays dense."""
    if Outcome.GONE in outcomes:
        marks = (fingerprints[at : at + WIDTH] for at in range(0, len(fingerprints), WIDTH))
        fingerprints = b"".join(NOTHING if outcome == Outcome.GONE else mark for outcome, mark in zip(outcomes, marks, strict=True))
    statement, numbers = _WRITE[connection.dialect.name], bytes(Outcome)
    more = {"numbers": numbers} if ":numbers" in statement else {}
    for start in range(0, len(outcomes), AT_ONCE):
        end = min(start + AT_ONCE, len(outcomes))
        packed = {"keys": keys[start * WIDTH : end * WIDTH], "fingerprints": fingerprints[start * WIDTH : end * WIDTH]}
        connection.execute(
            text(statement), {"run_no": run_no, "batch": batch, "rows": end - start, "outcomes": outcomes[start:end], **packed, **more}
        )


def read(connection: Connection, run_no: int, batch: int, *, low: bytes, high: bytes, here: bytes, in_quarantine: bytes) -> bytes:
    """What a batch says of keys from `low` to below `high`, packed: key, fingerprint, and the end that goes with the outcome."""
    driver: Any = connection.connection.driver_connection
    cursor = driver.cursor(binary=True) if connection.dialect.name == "postgresql" else driver.cursor()
    ends = {"bad": int(Outcome.QUARANTINED), "here": here, "in_quarantine": in_quarantine}
    try:
        cursor.execute(_READ[connection.dialect.name], {"run_no": run_no, "batch": batch, "low": low, "high": high, **ends})
        return cursor.fetchone()[0] or b""
    finally:
        cursor.close()
