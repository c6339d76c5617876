"""How the schemas of a datasource have changed: one record from each full schema to the next, and what of it is still open.

As long as a change of consequence is open, what counts is the difference between now and the schema before it, which is the last one
that nobody has to worry about.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from podium.drift.diff import CONSEQUENCE, Drift, compare
from schemas.records import SchemaChangeRecord, SchemaRecord
from schemas.stores import PodDatabase, read_schema


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What `drift` lies between two full schemas, the later one being today's. `open`: it is of consequence and nobody has settled it."""

    drift: Drift
    before: int
    after: int
    since: int
    at: int
    open: bool


class ChangeStore:
    """Changes between full schemas, and the custodian's word on them."""

    def __init__(self, database: PodDatabase) -> None:
        self.database = database

    def note(self, datasource: str, *, decided: Collection[str] = (), settled_by: str = "") -> Drift | None:
        """Compare the newest full schema with the one before it and keep what changed; None where that was done before.

        An open change is settled where the data are back as they were. `settled_by`: by whom this one is settled at once.
        """
        try:
            with self.database.transaction() as session:
                newest, last = _newest_two(session, datasource)
                if newest is None or last is None or session.get(SchemaChangeRecord, newest.no) is not None:
                    return None
                if (drift := _between(last, newest, decided)) is None:
                    return None
                session.add(_record(last, newest, drift, settled_by=settled_by if drift.of_consequence else ""))
                session.flush()
                _settle_if_back(session, newest, decided)
                return drift
        except IntegrityError:  # another process was faster
            return None

    def standing(self, datasource: str, *, decided: Collection[str] = ()) -> Standing | None:
        """How it stands: what is open, else what the newest schema brought. None as long as there is one schema only."""
        with self.database.transaction() as session:
            newest, last = _newest_two(session, datasource)
            pending = _open(session, datasource)
            before = session.get(SchemaRecord, pending[0].before) if pending else last
            if newest is None or before is None or (drift := _between(before, newest, decided)) is None:
                return None
            assert newest.no is not None
            assert before.no is not None
            return Standing(drift=drift, before=before.no, after=newest.no, since=before.at, at=newest.at, open=bool(pending))

    def is_open(self, datasource: str) -> bool:
        """Whether there is a change of consequence that nobody has settled."""
        with self.database.transaction() as session:
            return bool(_open(session, datasource))

    def accept(self, datasource: str, *, now: int) -> int:
        """The custodian takes the data as they are now; how many changes that settles."""
        with self.database.transaction() as session:
            return _settle(_open(session, datasource), by="custodian", now=now)

    def every(self, datasource: str) -> list[SchemaChangeRecord]:
        """All changes that were kept, the newest first."""
        with self.database.transaction() as session:
            of_it = select(SchemaChangeRecord).where(SchemaChangeRecord.datasource == datasource)
            return list(session.exec(of_it.order_by(col(SchemaChangeRecord.after).desc())).all())


def _newest_two(session: Session, datasource: str) -> tuple[SchemaRecord | None, SchemaRecord | None]:
    full = select(SchemaRecord).where(SchemaRecord.datasource == datasource, SchemaRecord.stage == "full")
    found = session.exec(full.order_by(col(SchemaRecord.no).desc()).limit(2)).all()
    return found[0] if found else None, found[1] if len(found) > 1 else None


def _between(before: SchemaRecord, after: SchemaRecord, decided: Collection[str]) -> Drift | None:
    """None where one was written by another version and says nothing to this one."""
    earlier, later = read_schema(before), read_schema(after)
    return None if earlier is None or later is None else compare(earlier, later, decided=decided)


def _record(before: SchemaRecord, after: SchemaRecord, drift: Drift, *, settled_by: str) -> SchemaChangeRecord:
    assert before.no is not None
    assert after.no is not None
    return SchemaChangeRecord(
        after=after.no,
        before=before.no,
        datasource=after.datasource,
        at=after.at,
        level=drift.level,
        body=drift.model_dump_json(),
        settled_at=after.at if settled_by else None,
        settled_by=settled_by,
    )


def _open(session: Session, datasource: str) -> list[SchemaChangeRecord]:
    """The oldest first."""
    unsettled = select(SchemaChangeRecord).where(
        SchemaChangeRecord.datasource == datasource,
        col(SchemaChangeRecord.level).in_(CONSEQUENCE),
        col(SchemaChangeRecord.settled_at).is_(None),
    )
    return list(session.exec(unsettled.order_by(col(SchemaChangeRecord.after))).all())


def _settle_if_back(session: Session, newest: SchemaRecord, decided: Collection[str]) -> None:
    if pending := _open(session, newest.datasource):
        before = session.get(SchemaRecord, pending[0].before)
        drift = _between(before, newest, decided) if before is not None else None
        if drift is not None and not drift.of_consequence:
            _settle(pending, by="data", now=newest.at)


def _settle(pending: list[SchemaChangeRecord], *, by: str, now: int) -> int:
    for one in pending:
        one.settled_by, one.settled_at = by, now
    return len(pending)
