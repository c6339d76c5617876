"""The pod's database as a reader sees it, beside a pod that may be at work: runs and what became of them. Nothing can be written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, create_engine, select

from podium.contracts import Released
from podium.errors import ConfigError
from schemas.opening import pod_engine
from schemas.records import DecisionRecord, ResultRecord, RunRecord
from schemas.stores import check_owner
from schemas.versions import check_version

SHOWN = (
    *("id", "status", "code", "task", "analyst", "alias", "algorithm", "datasource", "rows_read", "new", "changed", "unchanged"),
    *("rows_released", "received_at", "started_at", "finished_at"),
)
IN_DETAIL = ("task_json", "tries", "flow_run", "replied_at", "acknowledged_at")


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
        """One run: with the decision, the rules that kept something back, and what was released (None where it was not kept)."""
        with self._session() as session:
            record = session.exec(select(RunRecord).where(RunRecord.id == run)).one()
            decision, result = session.get(DecisionRecord, run), session.get(ResultRecord, run)
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
            "suppressed": None if released is None else [each.model_dump() for each in released.suppressed],
            "released": None if released is None else released.model_dump(mode="json", exclude={"suppressed"}),
        }

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
    return create_engine("sqlite://", creator=lambda: sqlite3.connect(place, uri=True, timeout=30), hide_parameters=True)
