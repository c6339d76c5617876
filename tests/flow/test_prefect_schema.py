"""The shipped tables are what the installed Prefect's migrations make.

After an update of Prefect, write them anew: `python tests/flow/test_prefect_schema.py`.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from podium.runner.launch import SCHEMA, seed

MIGRATE = """
import asyncio
import prefect.server.api.server
from prefect.server.database import provide_database_interface
asyncio.run(provide_database_interface().create_db())
"""


def dump(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        return "\n".join(connection.iterdump()) + "\n"


def shape(database: Path) -> dict[str, object]:
    """Columns in their order, and everything else in any: the migrations write constraints in the order of a set."""
    with closing(sqlite3.connect(database)) as connection:
        made = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        found: dict[str, object] = {f"{kind} {name}": sorted(line.strip(" ,\t") for line in sql.splitlines()) for kind, name, sql in made}
        for kind, name, _ in made:
            if kind == "table":
                found[f"columns {name}"] = connection.execute(f'PRAGMA table_xinfo("{name}")').fetchall()
                found[f"rows {name}"] = connection.execute(f'SELECT * FROM "{name}"').fetchall()
    return found


def migrate(database: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    env |= {"PREFECT_HOME": str(database.parent / "home"), "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{database}"}
    subprocess.run([sys.executable, "-c", MIGRATE], env=env, cwd=database.parent, check=True)


def test_the_shipped_tables_are_those_of_prefects_migrations(tmp_path: Path) -> None:
    seeded, migrated = tmp_path / "seeded.db", tmp_path / "migrated.db"
    seed(seeded)
    migrate(migrated)
    assert shape(seeded) == shape(migrated)
    before = dump(seeded)
    migrate(seeded)
    assert dump(seeded) == before  # Prefect finds nothing left to do


def test_an_existing_database_is_left_alone(tmp_path: Path) -> None:
    database = tmp_path / "prefect.db"
    database.write_bytes(b"mine")
    seed(database)
    assert database.read_bytes() == b"mine"


def test_tables_of_an_unknown_revision_are_not_used(tmp_path: Path, monkeypatch) -> None:
    other = tmp_path / "other.sql"
    other.write_text(SCHEMA.read_text().replace("alembic_version\" VALUES('", "alembic_version\" VALUES('0000"))
    monkeypatch.setattr("podium.runner.launch.SCHEMA", other)
    seed(tmp_path / "prefect.db")
    assert not (tmp_path / "prefect.db").exists()


if __name__ == "__main__":
    head = "".join(line for line in SCHEMA.read_text().splitlines(keepends=True) if line.startswith("--"))
    with tempfile.TemporaryDirectory() as folder:
        migrate(Path(folder) / "new.db")
        SCHEMA.write_text(head + dump(Path(folder) / "new.db"))
