"""The pod's database: one engine, and the adapters of the library's ports to its tables. Every method is one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import Connection, insert, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete, func, select

from podium.contracts import DatasourceSchema, Decision
from podium.crypto.replay import KEEP_AFTER_EXPIRY, in_order
from podium.drift.diff import same
from podium.errors import ConfigError
from podium.files import private_folder
from podium.policy.grants import SignedGrant
from schemas.opening import engine, explained, pod_engine
from schemas.records import DecisionRecord, GrantRecord, PodRecord, ReplayRecord, SchemaRecord
from schemas.versions import bring_up

LAYOUT = 3  # that of `schemas.versions.THIS`; it does not change any more


class PodDatabase:
    """Opens (and, the first time, makes) a pod's database. Raises ConfigError for one of another pod, or of a version that is not known."""

    def __init__(self, url: str, *, pod: str = "") -> None:
        with explained():
            self.engine = pod_engine(url, pod) if pod else engine(url)
            with self.engine.begin() as connection:
                if pod and inspect(connection).has_table(str(PodRecord.__tablename__)):
                    check_owner(connection, pod)
                bring_up(connection)
                if pod and connection.scalar(text("SELECT 1 FROM pod")) is None:
                    connection.execute(insert(PodRecord).values(id=1, identifier=pod, layout=LAYOUT))

    @classmethod
    def of(cls, *, folder: Path, pod: str, url: str = "") -> PodDatabase:
        """The configured database, or SQLite in the pod's own folder."""
        return cls(url or f"sqlite:///{private_folder(folder) / 'pod.db'}", pod=pod)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction: all of it is on disk at the end, or none of it."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def check_owner(connection: Connection, pod: str) -> None:
    """Raise ConfigError for a database that belongs to another pod."""
    owner = connection.scalar(text("SELECT identifier FROM pod"))
    if owner not in (None, pod):
        raise ConfigError(f"this database belongs to {owner}.", field="history.url", remedy="Give each pod one of its own.")


class SqlReplayStore:
    """`podium.crypto.replay.ReplayStore` on disk."""

    def __init__(self, database: PodDatabase) -> None:
        self.database = database

    def claim(self, *, sender: str, mid: str, task: str, seq: int, expires: int, run: str) -> str | None:
        """None if the message is new, or was claimed by this very run before; else the rule it breaks."""
        try:
            with self.database.transaction() as session:
                known = session.get(ReplayRecord, (sender, mid))
                if known is not None:
                    return None if known.run == run else "replay"
                sent_before = select(func.max(ReplayRecord.seq)).where(ReplayRecord.sender == sender, ReplayRecord.task == task)
                if not in_order(session.exec(sent_before).one() or 0, seq):
                    return "sequence"
                session.add(ReplayRecord(sender=sender, mid=mid, task=task, seq=seq, run=run, expires=expires + KEEP_AFTER_EXPIRY))
        except IntegrityError:
            return "replay"
        return None

    def prune(self, now: int) -> None:
        """Forget messages that no clock would accept any more."""
        with self.database.transaction() as session:
            session.exec(delete(ReplayRecord).where(col(ReplayRecord.expires) < now))


class GrantStore:
    """Grants and the decisions taken under them."""

    def __init__(self, database: PodDatabase) -> None:
        self.database = database

    def add(self, identifier: str, signed: SignedGrant, *, now: int) -> None:
        """Keep a signed grant. Its signature is checked when it is used."""
        with self.database.transaction() as session:
            session.merge(GrantRecord(id=identifier, **signed.model_dump(), added_at=now))

    def every(self) -> list[tuple[SignedGrant, GrantRecord, int]]:
        """Each grant as signed, its record, and how many runs it has allowed; the newest first."""
        with self.database.transaction() as session:
            used = dict(
                session.exec(
                    select(DecisionRecord.grant_id, func.count()).where(DecisionRecord.allowed).group_by(DecisionRecord.grant_id)
                ).all()
            )
            records = session.exec(select(GrantRecord).order_by(col(GrantRecord.added_at).desc())).all()
        return [(SignedGrant(payload=r.payload, custodian=r.custodian, signature=r.signature), r, used.get(r.id, 0)) for r in records]

    def revoke(self, identifier: str, *, now: int) -> bool:
        """Whether there was such a grant; from now on it allows nothing."""
        with self.database.transaction() as session:
            record = session.get(GrantRecord, identifier)
            if record is not None:
                record.revoked_at = record.revoked_at or now
            return record is not None

    def decision(self, run: str) -> Decision | None:
        """What was decided for this run, if anything was."""
        with self.database.transaction() as session:
            record = session.get(DecisionRecord, run)
        return _decision(record) if record else None

    def decide(self, run: str, decision: Decision, *, limit: int | None) -> Decision:
        """Write the decision down, once. A yes that would pass the grant's `limit` of runs becomes a no, even in a race."""
        with self.database.transaction() as session:
            if (known := session.get(DecisionRecord, run)) is not None:
                return _decision(known)
            # Whoever decides under this grant waits here: on SQLite every transaction is alone anyhow.
            session.exec(select(GrantRecord).where(GrantRecord.id == decision.grant).with_for_update()).first()
            used = session.exec(select(func.count()).where(DecisionRecord.grant_id == decision.grant, DecisionRecord.allowed)).one()
            if decision.allowed and limit is not None and used >= limit:
                decision = decision.model_copy(update={"allowed": False, "reasons": ("max_runs",)})
            session.add(
                DecisionRecord(
                    run=run,
                    allowed=decision.allowed,
                    reasons=",".join(decision.reasons),
                    grant_id=decision.grant,
                    task_digest=decision.task_digest,
                    at=decision.at,
                )
            )
        return decision


class SchemaStore:
    """Schemas as generated, newest last. A full one has its `no` as its version; one that says the same of the data is no new version."""

    def __init__(self, database: PodDatabase) -> None:
        self.database = database

    def latest(self, datasource: str) -> DatasourceSchema | None:
        """The newest schema of that datasource."""
        with self.database.transaction() as session:
            record = session.exec(
                select(SchemaRecord).where(SchemaRecord.datasource == datasource).order_by(col(SchemaRecord.no).desc())
            ).first()
        return read_schema(record) if record else None

    def add(self, schema: DatasourceSchema) -> None:
        """Keep one more. Of partial schemas only the newest stays; a full one that says what the last one said takes its place."""
        of_it = select(SchemaRecord).where(SchemaRecord.datasource == schema.datasource)
        with self.database.transaction() as session:
            session.exec(
                delete(SchemaRecord).where(col(SchemaRecord.datasource) == schema.datasource, col(SchemaRecord.stage) == "partial")
            )
            last = session.exec(of_it.where(SchemaRecord.stage == "full").order_by(col(SchemaRecord.no).desc())).first()
            said = read_schema(last) if last is not None and schema.stage == "full" else None
            if last is not None and said is not None and same(said, schema):
                last.token, last.body, last.at = schema.token, schema.model_dump_json(), schema.generated_at
                return
            session.add(
                SchemaRecord(
                    datasource=schema.datasource,
                    stage=schema.stage,
                    token=schema.token,
                    body=schema.model_dump_json(),
                    at=schema.generated_at,
                )
            )


def read_schema(record: SchemaRecord) -> DatasourceSchema | None:
    """The schema of that record; None for one written by another version, which is taken anew."""
    try:
        return DatasourceSchema.model_validate_json(record.body)
    except ValidationError:
        return None


def _decision(record: DecisionRecord) -> Decision:
    return Decision(
        allowed=record.allowed,
        reasons=tuple(filter(None, record.reasons.split(","))),
        grant=record.grant_id,
        task_digest=record.task_digest,
        at=record.at,
    )
