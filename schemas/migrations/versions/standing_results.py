"""What a standing task keeps of its last release, and whether its results were fetched.

A task that has released before this is set against nothing the first time, and against that from then on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Two columns more."""
    op.add_column("standing", sa.Column("cells", sa.String(), nullable=False, server_default=""))
    op.add_column("run", sa.Column("fetched_at", sa.Integer()))
