"""What algorithms give datapoints: a table beside the run history's. Nothing that is there changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """The table is made."""
    op.create_table(
        "datapoint_result",
        sa.Column("run_no", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("batch", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("datapoints", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
