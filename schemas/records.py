"""Every table of the pod's database. Times are whole seconds since 1970, UTC; digests are bytes.

No row is ever stored. A schema holds statistics and categories of its datasource: the database is the custodian's, as the data are.
A run's outcome, its datapoints and its reply commit together: they are in one database for that reason.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Enum, Index, LargeBinary, PrimaryKeyConstraint, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel

from podium.contracts import Status

# Kept as the words that people read, not as a type of the database's own.
_STATUS: Any = Enum(Status, native_enum=False, length=20, values_callable=lambda statuses: [status.value for status in statuses])


class VersionRecord(SQLModel, table=True):
    """Which version of the tables this is, as Alembic writes it down. One row; see `schemas.versions`."""

    __tablename__ = "pod_version"
    __table_args__ = (PrimaryKeyConstraint("version_num", name="pod_version_pkc"),)

    version_num: str = Field(primary_key=True, max_length=32)


class PodRecord(SQLModel, table=True):
    """Whose database this is. One row. `layout` is for versions of Podium from before `pod_version`, which refuse one they do not know."""

    __tablename__ = "pod"

    id: int = Field(primary_key=True)
    identifier: str
    layout: int


class RunRecord(SQLModel, table=True):
    """One sealed task message and what became of it. `id` is the first 32 hex digits of its SHA-256.

    `task_no` names the question in the history, `after_run` its last counted run when this one began, `token` the source as it was found
    and `unread` the datapoints of its parts that need not be read. `counted`: its datapoints are used, and count as known from then on;
    `counted_no`: its place among the counted runs of the question, which is not always the order in which they came. A repeat of a
    standing task has no message of its own: `standing` is the run that the task came with, `repeat_no` says which repeat it is.
    `fetched_at`: when the pod learned from the hub that the analyst has a standing task's result.
    """

    __tablename__ = "run"
    __table_args__ = (Index("run_history", "task_no", "counted_no", unique=True),)

    no: int | None = Field(default=None, primary_key=True)
    id: str = Field(unique=True, max_length=32)
    status: Status = Field(default=Status.QUEUED, index=True, sa_type=_STATUS)
    mid: str
    lease_attempt: int
    envelope: bytes = Field(sa_type=LargeBinary)
    received_at: int
    tries: int = 0
    flow_run: str = ""
    task: str = ""
    task_json: str = ""
    task_digest: str = ""
    analyst: str = ""
    alias: str = ""
    algorithm: str = ""
    datasource: str = ""
    code: str = ""
    rows_read: int | None = None
    rows_released: int | None = None
    new: int | None = None
    changed: int | None = None
    unchanged: int | None = None
    quarantined: int | None = None
    gone: int | None = None
    task_no: int | None = Field(default=None, foreign_key="history_task.no")
    after_run: int | None = None
    token: str = Field(default="", sa_column_kwargs={"server_default": ""})
    unread: int | None = None
    counted: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    counted_no: int | None = None
    standing: str = Field(default="", max_length=32, index=True, sa_column_kwargs={"server_default": ""})
    repeat_no: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    started_at: int | None = None
    finished_at: int | None = None
    reply: bytes | None = Field(default=None, sa_type=LargeBinary)
    replied_at: int | None = None
    fetched_at: int | None = None
    acknowledged_at: int | None = Field(default=None, index=True)


class RoundRecord(SQLModel, table=True):
    """One round of a run: what the analyst asked for, and what was answered. The first round's question is the task itself.

    `reference` is the analyst's message, as our reply names it; `rows` a keyed digest of the rows read, which must stay the same.
    """

    __tablename__ = "round"

    run: str = Field(primary_key=True, max_length=32)
    no: int = Field(primary_key=True)
    mid: str = ""
    reference: str = ""
    parameters: str = ""
    last: bool = False
    heard_at: int | None = None
    rows: bytes = Field(default=b"", sa_type=LargeBinary)
    released: str = ""
    reply: bytes | None = Field(default=None, sa_type=LargeBinary)
    answered_at: int | None = None
    replied_at: int | None = None


class CancelRecord(SQLModel, table=True):
    """An analyst's signed word that a run of hers is to end. It may be here before the run is: the hub promises no order.

    Without an analyst it is the custodian's word on a run of which it was not known yet who asks.
    """

    __tablename__ = "cancel"

    run: str = Field(primary_key=True, max_length=32)
    analyst: str = Field(primary_key=True, max_length=64)
    expires: int


class DecisionRecord(SQLModel, table=True):
    """The yes or no to one run, on disk before any row is read. One a run: a second look finds the first."""

    __tablename__ = "decision"

    run: str = Field(primary_key=True, max_length=32)
    allowed: bool
    reasons: str
    grant_id: str = Field(index=True)
    task_digest: str
    at: int


class ApprovalRecord(SQLModel, table=True):
    """A custodian asked for a yes or no to one exact task, and her answer. One a run: a second look finds the first.

    `decision` is empty until there is one, then `yes`, `no` or `expired`; `by` is `ui`, the fingerprint of the key that signed
    `statement`, or `clock`; `approver` says whether the grant takes more than a signed one. `notice` is the sealed message that tells
    the analyst. `flow_run` shows it in Prefect; `asks` counts those.
    """

    __tablename__ = "approval"

    run: str = Field(primary_key=True, max_length=32)
    task_digest: str
    grant_id: str
    approver: str
    asked_at: int
    expires: int
    decision: str = Field(default="", max_length=8, index=True)
    by: str = ""
    reason: str = ""
    decided_at: int | None = None
    statement: str = ""
    signature: str = ""
    notice: bytes | None = Field(default=None, sa_type=LargeBinary)
    told_at: int | None = None
    flow_run: str = ""
    asks: int = 0
    closed_at: int | None = Field(default=None, index=True)


class ResultRecord(SQLModel, table=True):
    """What the gate let out of a run, as JSON."""

    __tablename__ = "result"

    run: str = Field(primary_key=True, max_length=32)
    released: str
    at: int


class GrantRecord(SQLModel, table=True):
    """A signed grant, kept as the bytes that were signed."""

    __tablename__ = "grant_"

    id: str = Field(primary_key=True)
    payload: str
    custodian: str
    signature: str
    added_at: int
    revoked_at: int | None = None


class ReplayRecord(SQLModel, table=True):
    """A message that was read once. Kept until a day after it expires; survives every restart."""

    __tablename__ = "replay"
    __table_args__ = (UniqueConstraint("sender", "task", "seq"), Index("replay_expires", "expires"))

    sender: str = Field(primary_key=True, max_length=64)
    mid: str = Field(primary_key=True, max_length=32)
    task: str
    seq: int
    run: str
    expires: int


class SchemaRecord(SQLModel, table=True):
    """A datasource's schema as last generated, and the ones before it."""

    __tablename__ = "datasource_schema"

    no: int | None = Field(default=None, primary_key=True)
    datasource: str = Field(index=True)
    stage: str
    token: str
    body: str
    at: int


class SchemaChangeRecord(SQLModel, table=True):
    """What changed from one full schema of a datasource to the next: by their `no`, as JSON, with the gravest level.

    A change of consequence is open until it is settled: by `custodian` (she accepted it), `data` (they are back as they were) or `policy`
    (`on_drift: ignore`).
    """

    __tablename__ = "schema_change"

    after: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    before: int
    datasource: str = Field(index=True)
    at: int
    level: str = Field(max_length=8)
    body: str
    settled_at: int | None = None
    settled_by: str = Field(default="", max_length=16)
