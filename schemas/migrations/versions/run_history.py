"""The run history by question and part: layout 3. The datapoints known so far become one batch of each run that used them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """The old table steps aside, the new ones are made, its rows are carried over, and it goes."""
    if op.get_context().dialect.name == "postgresql":
        op.drop_constraint("datapoint_pkey", "datapoint")  # the new table's key has that name
    op.rename_table("datapoint", "datapoint_2")
    _make()
    for statement in CARRY:
        op.get_bind().execute(sa.text(statement), {"empty": b""} if ":empty" in statement else {})
    op.drop_table("datapoint_2")
    op.execute("UPDATE pod SET layout = 3")


def _make() -> None:
    op.create_table(
        "history_task",
        sa.Column("no", sa.Integer(), primary_key=True),
        sa.Column("key", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("datasource", sa.String(), nullable=False),
        sa.Column("algorithm", sa.String(), nullable=False),
        sa.Column("first_at", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("last_run", sa.Integer()),
    )
    op.create_index("ix_history_task_datasource", "history_task", ["datasource"])
    op.execute("ALTER TABLE run ADD COLUMN task_no INTEGER REFERENCES history_task (no)")  # as Alembic adds it, SQLite does not take it
    for column in (
        sa.Column("quarantined", sa.Integer()),
        sa.Column("gone", sa.Integer()),
        sa.Column("after_run", sa.Integer()),
        sa.Column("token", sa.String(), nullable=False, server_default=""),
        sa.Column("unread", sa.Integer()),
        sa.Column("counted", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("counted_no", sa.Integer()),
        sa.Column("standing", sa.String(32), nullable=False, server_default=""),
        sa.Column("repeat_no", sa.Integer(), nullable=False, server_default=sa.text("0")),
    ):
        op.add_column("run", column)
    op.create_index("ix_run_standing", "run", ["standing"])
    op.create_index("run_history", "run", ["task_no", "counted_no"], unique=True)
    op.create_table(
        "batch",
        sa.Column("run_no", sa.Integer(), sa.ForeignKey("run.no"), primary_key=True, autoincrement=False),
        sa.Column("no", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("rows", "used", "new", "changed", "unchanged", "quarantined")),
        sa.Column("failures", sa.String(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("contract", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.LargeBinary()),
        sa.Column("unseen", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
    )
    op.create_table(
        "standing",
        sa.Column("run", sa.String(32), primary_key=True),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("task_json", sa.String(), nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.Column("next_no", sa.Integer(), nullable=False),
        sa.Column("since", sa.Integer()),
        sa.Column("looked_at", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("released_at", sa.Integer()),
        sa.Column("noticed", sa.Boolean(), nullable=False),
        sa.Column("ended_at", sa.Integer()),
        sa.Column("ended_by", sa.String(20), nullable=False),
        sa.Column("told_at", sa.Integer()),
    )
    op.create_index("ix_standing_ended_at", "standing", ["ended_at"])
    for name, rest in (
        (
            "datapoint",
            (sa.Column("fingerprint", sa.LargeBinary(), nullable=False), sa.Column("outcome", sa.SmallInteger(), nullable=False)),
        ),
        ("quarantine", (sa.Column("rule", sa.String(), nullable=False),)),
    ):
        op.create_table(
            name,
            sa.Column("run_no", sa.Integer(), primary_key=True, autoincrement=False),
            sa.Column("batch", sa.Integer(), primary_key=True, autoincrement=False),
            sa.Column("key", sa.LargeBinary(), primary_key=True),
            *rest,
            sqlite_with_rowid=False,
        )


# A question is known by the runs whose rows are left; the newest of them is its last. No part of a source has this token: what is read
# next is read as changed, and compared row by row.
CARRY = (
    """
    INSERT INTO history_task ("key", datasource, algorithm, first_at, token, total, last_run)
    SELECT old.task_key, run.datasource, run.algorithm, run.received_at, '', old.total, old.last_run
    FROM (SELECT task_key, MIN(run_no) AS first_run, MAX(run_no) AS last_run, COUNT(*) AS total FROM datapoint_2 GROUP BY task_key) AS old
    JOIN run ON run.no = old.first_run
    """,
    """
    UPDATE run SET counted = TRUE, quarantined = 0, gone = 0,
        task_no = used.task_no, counted_no = used.counted_no
    FROM (
        SELECT history_task.no AS task_no, old.run_no AS run_no,
            ROW_NUMBER() OVER (PARTITION BY history_task.no ORDER BY old.run_no) AS counted_no
        FROM (SELECT DISTINCT task_key, run_no FROM datapoint_2) AS old JOIN history_task ON history_task."key" = old.task_key
    ) AS used
    WHERE used.run_no = run.no
    """,
    """
    INSERT INTO batch (run_no, no, part, token, rows, used, "new", changed, unchanged, quarantined, failures, whole, contract, unseen, at)
    SELECT run.no, 0, 'all', 'layout 2', old.written, old.written,
        COALESCE(run."new", 0), COALESCE(run.changed, 0), COALESCE(run.unchanged, 0),
        0, '', FALSE, :empty, :empty, COALESCE(run.finished_at, run.received_at)
    FROM (SELECT run_no, COUNT(*) AS written FROM datapoint_2 GROUP BY run_no) AS old JOIN run ON run.no = old.run_no
    """,
    """
    INSERT INTO datapoint (run_no, batch, "key", fingerprint, outcome)
    SELECT run_no, 0, "key", fingerprint, 0 FROM datapoint_2 ORDER BY run_no, "key"
    """,
)
