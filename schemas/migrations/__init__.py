"""How an older database becomes this one: a script a version, run by Alembic when `schemas.versions` finds that one is due."""
