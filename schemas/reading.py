"""The pod's database as a reader sees it, beside a pod that may be at work: runs, questions, datapoints. Nothing can be written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from sqlmodel import Session, col, create_engine, func, select

from podium.contracts import DatasourceSchema, Released
from podium.errors import ConfigError
from schemas import questions, results, uses
from schemas.datapoints import DatapointRecord
from schemas.opening import pod_engine
from schemas.records import DecisionRecord, ResultRecord, RunRecord, SchemaRecord
from schemas.stores import check_owner, read_schema
from schemas.versions import check_version

SHOWN = (
    *("id", "status", "code", "task", "analyst", "alias", "algorithm", "datasource", "rows_read"),
    *(*questions.COUNTS, "rows_released", "received_at", "started_at", "finished_at"),
)
IN_DETAIL = ("no", "task_json", "tries", "flow_run", "replied_at", "acknowledged_at", "task_no", "counted", "standing", "repeat_no")


class RunReader:
    """The runs of one pod. Raises ConfigError where there is no database, or it belongs to another pod or version."""

    def __init__(self, *, folder: Path, pod: str, url: str = "") -> None:
        with _told():
            self.engine = _reading(url, pod) if url else _file(folder / "pod.db")
        with self._session() as session:
            check_owner(session.connection(), pod)
            check_version(session.connection())

    def runs(self, limit: int) -> list[dict[str, Any]]:
        """The newest runs, newest first."""
        with self._session() as session:
            records = session.exec(select(RunRecord).order_by(col(RunRecord.no).desc()).limit(limit)).all()
        return [_fields(record, SHOWN) for record in records]

    def like(self, prefix: str) -> list[str]:
        """The ids that begin so."""
        with self._session() as session:
            return list(session.exec(select(RunRecord.id).where(col(RunRecord.id).startswith(prefix, autoescape=True)).limit(10)))

    def run(self, run: str) -> dict[str, Any]:
        """One run: its decision, its parts, the contract's rules that were broken, the rules that kept something back, what was released.

        What was released is None where it was not kept.
        """
        with self._session() as session:
            record = session.exec(select(RunRecord).where(RunRecord.id == run)).one()
            decision, result = session.get(DecisionRecord, run), session.get(ResultRecord, run)
            parts, broken = questions.parts_of_run(session, record.no or 0)
            given = results.count(session, record.task_no or 0, record.no)
        released = Released.model_validate_json(result.released) if result else None
        return {
            **_fields(record, (*SHOWN, *IN_DETAIL)),
            "decision": None
            if decision is None
            else {
                "allowed": decision.allowed,
                "reasons": [reason for reason in decision.reasons.split(",") if reason],
                "grant": decision.grant_id,
                "at": decision.at,
            },
            "parts": parts,
            "broken": broken,
            "results": given,
            "suppressed": None if released is None else [each.model_dump() for each in released.suppressed],
            "released": None if released is None else released.model_dump(mode="json", exclude={"suppressed"}),
        }

    def tasks(self) -> list[dict[str, Any]]:
        """Every question, newest first."""
        with self._session() as session:
            return questions.questions(session)

    def tasks_like(self, wanted: str) -> list[int]:
        """The numbers of the questions that a number, an analyst's task or the beginning of a digest means."""
        with self._session() as session:
            return questions.like(session, wanted)

    def task(self, no: int) -> dict[str, Any]:
        """One question: its runs, their totals, its datapoints, its parts."""
        with self._session() as session:
            return {**questions.question(session, no), "results": results.count(session, no)}

    def uses(self, datasource: str, key: bytes) -> list[dict[str, Any]]:
        """Which questions and runs used the datapoint with that key, and how it stands."""
        with self._session() as session:
            return uses.uses(session, datasource, key)

    def known(self, datasource: str, key: bytes) -> bool:
        """Whether any counted run says something of that key."""
        with self._session() as session:
            return uses.known(session, datasource, key)

    def result(self, task_no: int, key: bytes, *, secret: bytes) -> dict[str, float | None]:
        """What the question gave the datapoint with that key: `result`, if there is anything. Raises ConfigError."""
        with self._session() as session:
            return results.result(session, task_no, key, secret=secret)

    def results(self, task_no: int, run_no: int | None = None) -> int:
        """How many results are kept of the question, or of one run of it."""
        with self._session() as session:
            return results.count(session, task_no, run_no)

    def records(self, task_no: int, run_no: int | None = None, *, secret: bytes) -> Iterator[bytes]:
        """These results, packed, with what took them away: see `schemas.results.records`. Raises ConfigError."""
        with self._session() as session:
            yield from results.records(session, task_no, run_no, secret=secret)

    def before(self, moment: int) -> dict[str, int]:
        """How many counted runs ended before that, and how many entries on datapoints they have."""
        old = select(RunRecord.no).where(col(RunRecord.counted), col(RunRecord.finished_at) < moment)
        with self._session() as session:
            runs = session.exec(select(func.count()).select_from(old.subquery())).one()
            entries = session.exec(select(func.count()).select_from(DatapointRecord).where(col(DatapointRecord.run_no).in_(old))).one()
        return {"runs": runs, "entries": entries}

    def schemas(self, datasource: str) -> list[DatasourceSchema]:
        """The schemas that are kept of a datasource, newest first."""
        of_it = select(SchemaRecord).where(SchemaRecord.datasource == datasource).order_by(col(SchemaRecord.no).desc())
        with self._session() as session:
            read = [read_schema(record) for record in session.exec(of_it)]
        return [schema for schema in read if schema is not None]

    def close(self) -> None:
        """Give the connection back."""
        self.engine.dispose()

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with _told(), Session(self.engine) as session:
            yield session


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, sqlite3.Error):
        raise ConfigError(
            "the pod's database cannot be read.", field="history.url", remedy="Is it there? A pod makes it when it first starts."
        ) from None


def _fields(record: RunRecord, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}


def _reading(url: str, pod: str) -> Engine:
    """An engine whose connections cannot write."""
    if url.startswith("sqlite"):
        return _file(make_url(url).database or "")
    return pod_engine(url, pod, make=False, execution_options={"postgresql_readonly": True})


def _file(path: Path | str) -> Engine:
    place = f"file:{quote(str(path))}?mode=ro"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(place, uri=True, timeout=30, check_same_thread=False)  # a long answer is taken chunk by chunk, by any thread

    return create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)
