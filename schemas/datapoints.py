"""The run history's tables: which datapoints each question has used, in which version, with which outcome.

A question is a `history_task`, by the digest of its algorithm, parameters, columns and code version. A run of it reads parts of the source;
each part is a `batch`, which commits in one transaction with its datapoints and its state. What a run wrote counts once the run does
(`run.counted`): until then nobody else sees it, and a run that ends without a release takes it away again.

Nothing here is a cell, and what an algorithm gave a datapoint, which could tell one, is sealed: keys and fingerprints are keyed digests of
16 bytes. A datapoint that did not change is not written again; its standing is that of the newest counted run that says something of it:
newest by `run.counted_no`, not by `run.no`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import LargeBinary, SmallInteger
from sqlmodel import Field, SQLModel


class TaskRecord(SQLModel, table=True):
    """One question as the history knows it. `token`, `total` and `last_run`: the source at the end of the last counted run."""

    __tablename__ = "history_task"

    no: int | None = Field(default=None, primary_key=True)
    key: bytes = Field(unique=True, sa_type=LargeBinary)
    datasource: str = Field(index=True)
    algorithm: str
    first_at: int
    token: str = ""
    total: int = 0
    last_run: int | None = None


class BatchRecord(SQLModel, table=True):
    """One part of the source as one run has read it.

    `whole`: the state covers every row of the part, not just those that were new. `contract` is the digest of the contract that they met.
    `unseen`: packed keys that were known in this part and were not met in it, for a run that goes on after a crash.
    """

    __tablename__ = "batch"

    run_no: int = Field(primary_key=True, foreign_key="run.no", sa_column_kwargs={"autoincrement": False})
    no: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    part: str
    token: str
    rows: int
    used: int
    new: int
    changed: int
    unchanged: int
    quarantined: int
    failures: str = ""
    whole: bool = False
    contract: bytes = Field(default=b"", sa_type=LargeBinary)
    state: bytes | None = Field(default=None, sa_type=LargeBinary)
    unseen: bytes = Field(default=b"", sa_type=LargeBinary)
    at: int


class DatapointRecord(SQLModel, table=True):
    """One datapoint in one run, where there is something to say: `outcome` is a number of `podium.contracts.Outcome`.

    Clustered by run and batch, in the order of the keys: written once, in one sweep, and never changed. A foreign key to `batch` would be
    looked up for each row; the two are written in one transaction instead.
    """

    __tablename__ = "datapoint"
    __table_args__: ClassVar[Any] = ({"sqlite_with_rowid": False},)

    run_no: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    batch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    key: bytes = Field(primary_key=True, sa_type=LargeBinary)
    fingerprint: bytes = Field(sa_type=LargeBinary)
    outcome: int = Field(sa_type=SmallInteger)


class DatapointResultRecord(SQLModel, table=True):
    """What the algorithm gave the `datapoints` of a batch that are new or changed: `podium.history.results` says how it is sealed."""

    __tablename__ = "datapoint_result"

    run_no: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    batch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    datapoints: int
    sealed: bytes = Field(sa_type=LargeBinary)


class QuarantineRecord(SQLModel, table=True):
    """Why a datapoint is in quarantine: the rule of the contract, or the reason of the kind, that it fell under. Never a value.

    It has the key of its row in `datapoint`.
    """

    __tablename__ = "quarantine"
    __table_args__: ClassVar[Any] = ({"sqlite_with_rowid": False},)

    run_no: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    batch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    key: bytes = Field(primary_key=True, sa_type=LargeBinary)
    rule: str
