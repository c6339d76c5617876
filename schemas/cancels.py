"""Whose runs are to end: what analysts have said, kept so that a crash or the order of messages cannot lose it."""

from __future__ import annotations

from sqlmodel import col, delete

from podium.crypto.replay import KEEP_AFTER_EXPIRY
from schemas.records import CancelRecord
from schemas.stores import PodDatabase

CUSTODIAN = ""  # in place of an analyst


class CancelStore:
    """Signed cancels by run and analyst, each method one transaction."""

    def __init__(self, database: PodDatabase) -> None:
        self.database = database

    def keep(self, run: str, *, analyst: str, expires: int) -> None:
        """Put it on disk. `run` names the hash of her task message, so nobody else's word can stand in its place.

        `CUSTODIAN`'s word counts for the run whoever asked it.
        """
        with self.database.transaction() as session:
            session.merge(CancelRecord(run=run, analyst=analyst, expires=expires + KEEP_AFTER_EXPIRY))

    def wanted(self, run: str, *, analyst: str) -> bool:
        """Whether this analyst has cancelled this run."""
        with self.database.transaction() as session:
            return session.get(CancelRecord, (run, analyst)) is not None

    def prune(self, now: int) -> None:
        """Forget those whose task no clock would accept any more."""
        with self.database.transaction() as session:
            session.exec(delete(CancelRecord).where(col(CancelRecord.expires) < now))
