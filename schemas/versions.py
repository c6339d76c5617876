"""Which version of the tables a database has, and how it comes to have this one.

A new database is made as it is now. An older one is upgraded by the scripts in `schemas.migrations`, all in the transaction that opens it:
whatever ends the process, the database is as it was before or as it is after. Alembic is loaded only then.
"""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlmodel import SQLModel

from podium.errors import ConfigError
from schemas import datapoints as datapoints  # the tables that `schemas.records` leaves to others
from schemas import standing_record as standing_record
from schemas.records import PodRecord, VersionRecord

VERSIONS = ("0001", "0002", "0003", "0004")
THIS = VERSIONS[-1]
UNNUMBERED = "0001"  # what a database is that has tables of ours, but no version: `pod.layout` was 2 then
MIGRATIONS = Path(__file__).parent / "migrations"

log = logging.getLogger("podium.database")


def version(connection: Connection) -> str:
    """The version of the tables that are there; empty where there are none. Raises ConfigError for one that this Podium does not know."""
    tables = inspect(connection)
    if tables.has_table(str(VersionRecord.__tablename__)):
        found = connection.scalar(text("SELECT version_num FROM pod_version"))
        if found not in VERSIONS:
            raise _unknown(f"version {found}", THIS)
        return str(found)
    if not tables.has_table(str(PodRecord.__tablename__)):
        return ""
    layout = connection.scalar(text("SELECT layout FROM pod"))
    if layout not in (2, None):
        raise _unknown(f"layout {layout}", "layout 2")
    return UNNUMBERED


def bring_up(connection: Connection) -> None:
    """Make the tables, or make them those of this version. Raises ConfigError for a database of a version that is not known here."""
    if connection.dialect.name == "postgresql":  # on SQLite every transaction that writes is alone anyhow
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('podium ' || current_schema()))"))
    found = version(connection)
    if not found:
        SQLModel.metadata.create_all(connection)
        connection.execute(SQLModel.metadata.tables["pod_version"].insert().values(version_num=THIS))
    elif found != THIS:
        log.warning("the pod's database is brought from version %s to %s", found, THIS)
        _upgrade(connection)


def check_version(connection: Connection) -> None:
    """Raise ConfigError for a database that cannot be read as this version's."""
    found = version(connection)
    if found not in ("", THIS):
        raise ConfigError(
            f"the pod's database has version {found} of the tables; this is {THIS}.",
            field="history.url",
            remedy="Start the pod once: it brings its database up to date.",
        )


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, THIS)


def _unknown(found: str, known: str) -> ConfigError:
    return ConfigError(
        f"the pod's database has {found}; this Podium knows {known} and what was before it.",
        field="history.url",
        remedy="Use the version of Podium that made it, or a newer one.",
    )
