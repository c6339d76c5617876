"""What Alembic runs: the scripts that are due, on the connection that `schemas.versions` hands over, within its transaction."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata, version_table="pod_version", transactional_ddl=True)
context.run_migrations()
