"""The history's tables as SQLAlchemy knows them, for queries that join, count and rank."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, func
from sqlmodel import SQLModel

from schemas import datapoints, records

__all__ = ["BATCH", "DATAPOINT", "GIVEN", "QUARANTINE", "RESULT", "RUN", "TASK", "TURN", "at_once", "swept_key"]

_OF = SQLModel.metadata.tables
BATCH = _OF[datapoints.BatchRecord.__tablename__]
DATAPOINT = _OF[datapoints.DatapointRecord.__tablename__]
GIVEN = _OF[datapoints.DatapointResultRecord.__tablename__]
QUARANTINE = _OF[datapoints.QuarantineRecord.__tablename__]
TASK = _OF[datapoints.TaskRecord.__tablename__]
RESULT = _OF[records.ResultRecord.__tablename__]
RUN = _OF[records.RunRecord.__tablename__]
# Runs of a question in the order in which they came to count: an earlier one may end later.
TURN = RUN.c.counted_no


def at_once(rows: Select[Any], name: str) -> CTE:
    """Rows that are found first, and joined to datapoints then: a planner that knows no sizes would read all datapoints instead."""
    return rows.cte(name).prefix_with("MATERIALIZED")


def swept_key() -> ColumnElement[bytes]:
    """A datapoint's key, to be held against many: one sweep over all datapoints costs less than a probe of every batch for each of many."""
    return func.coalesce(DATAPOINT.c.key, DATAPOINT.c.key)  # no index answers to this
