"""The tables as they were before they had a version: layout 2. What a database of that time has already is left as it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make what is not there yet: tables were added to layout 2 while it lasted."""
    op.create_table(
        "approval",
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("task_digest", sa.String(), nullable=False),
        sa.Column("grant_id", sa.String(), nullable=False),
        sa.Column("approver", sa.String(), nullable=False),
        sa.Column("asked_at", sa.Integer(), nullable=False),
        sa.Column("expires", sa.Integer(), nullable=False),
        sa.Column("decision", sa.String(length=8), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decided_at", sa.Integer()),
        sa.Column("statement", sa.String(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("notice", sa.LargeBinary()),
        sa.Column("told_at", sa.Integer()),
        sa.Column("flow_run", sa.String(), nullable=False),
        sa.Column("asks", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.Integer()),
        sa.PrimaryKeyConstraint("run"),
        if_not_exists=True,
    )
    op.create_index("ix_approval_closed_at", "approval", ["closed_at"], if_not_exists=True)
    op.create_index("ix_approval_decision", "approval", ["decision"], if_not_exists=True)
    op.create_table(
        "cancel",
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("analyst", sa.String(length=64), nullable=False),
        sa.Column("expires", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run", "analyst"),
        if_not_exists=True,
    )
    op.create_table(
        "datapoint",
        sa.Column("task_key", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("run_no", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("task_key", "key"),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    op.create_table(
        "datasource_schema",
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("datasource", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("no"),
        if_not_exists=True,
    )
    op.create_index("ix_datasource_schema_datasource", "datasource_schema", ["datasource"], if_not_exists=True)
    op.create_table(
        "decision",
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("reasons", sa.String(), nullable=False),
        sa.Column("grant_id", sa.String(), nullable=False),
        sa.Column("task_digest", sa.String(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run"),
        if_not_exists=True,
    )
    op.create_index("ix_decision_grant_id", "decision", ["grant_id"], if_not_exists=True)
    op.create_table(
        "grant_",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("payload", sa.String(), nullable=False),
        sa.Column("custodian", sa.String(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("added_at", sa.Integer(), nullable=False),
        sa.Column("revoked_at", sa.Integer()),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_table(
        "pod",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identifier", sa.String(), nullable=False),
        sa.Column("layout", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_table(
        "replay",
        sa.Column("sender", sa.String(length=64), nullable=False),
        sa.Column("mid", sa.String(length=32), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("expires", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sender", "mid"),
        sa.UniqueConstraint("sender", "task", "seq"),
        if_not_exists=True,
    )
    op.create_index("replay_expires", "replay", ["expires"], if_not_exists=True)
    op.create_table(
        "result",
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("released", sa.String(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run"),
        if_not_exists=True,
    )
    op.create_table(
        "round",
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("mid", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("parameters", sa.String(), nullable=False),
        sa.Column("last", sa.Boolean(), nullable=False),
        sa.Column("heard_at", sa.Integer()),
        sa.Column("rows", sa.LargeBinary(), nullable=False),
        sa.Column("released", sa.String(), nullable=False),
        sa.Column("reply", sa.LargeBinary()),
        sa.Column("answered_at", sa.Integer()),
        sa.Column("replied_at", sa.Integer()),
        sa.PrimaryKeyConstraint("run", "no"),
        if_not_exists=True,
    )
    op.create_table(
        "run",
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("mid", sa.String(), nullable=False),
        sa.Column("lease_attempt", sa.Integer(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("flow_run", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("task_json", sa.String(), nullable=False),
        sa.Column("task_digest", sa.String(), nullable=False),
        sa.Column("analyst", sa.String(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("algorithm", sa.String(), nullable=False),
        sa.Column("datasource", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("rows_read", sa.Integer()),
        sa.Column("rows_released", sa.Integer()),
        sa.Column("new", sa.Integer()),
        sa.Column("changed", sa.Integer()),
        sa.Column("unchanged", sa.Integer()),
        sa.Column("started_at", sa.Integer()),
        sa.Column("finished_at", sa.Integer()),
        sa.Column("reply", sa.LargeBinary()),
        sa.Column("replied_at", sa.Integer()),
        sa.Column("acknowledged_at", sa.Integer()),
        sa.PrimaryKeyConstraint("no"),
        sa.UniqueConstraint("id"),
        if_not_exists=True,
    )
    op.create_index("ix_run_acknowledged_at", "run", ["acknowledged_at"], if_not_exists=True)
    op.create_index("ix_run_status", "run", ["status"], if_not_exists=True)
    op.create_table(
        "schema_change",
        sa.Column("after", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("before", sa.Integer(), nullable=False),
        sa.Column("datasource", sa.String(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("settled_at", sa.Integer()),
        sa.Column("settled_by", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("after"),
        if_not_exists=True,
    )
    op.create_index("ix_schema_change_datasource", "schema_change", ["datasource"], if_not_exists=True)
