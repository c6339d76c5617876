"""The mailbox's statements, built once: putting one together costs SQLAlchemy several times what running it does."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, delete, exists, func, insert, select, union_all, update
from sqlalchemy.sql.dml import ReturningUpdate

from podium.hub.tables import HubTable

_table = HubTable.metadata.tables["hub_messages"]
_messages = _table.c
_pod_table = HubTable.metadata.tables["hub_pods"]
_pods = _pod_table.c
_identities = HubTable.metadata.tables["hub_identities"].c
_this = _messages.mid == bindparam("of")
_now: ColumnElement[int] = bindparam("now")


def _waiting(*more: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    # `== False` and not `IS false`: the partial indexes are found by it.
    return [_messages.recipient == bindparam("address"), _messages.acked == False, _messages.expires > _now, *more]  # noqa: E712


def _free(*more: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    return [*_waiting(*more), _messages.lease_until <= _now]


_of_task = _messages.task == bindparam("of_task")
_soonest = select(func.min(_messages.lease_until))

POD_KEY = select(_pods.fingerprint).where(_pods.identifier == bindparam("address"))

_sender_key = select(_pods.fingerprint).where(_pods.identifier == bindparam("sender")).scalar_subquery()
_to: ColumnElement[str] = bindparam("to")
_somebody = union_all(select(_identities.owner).where(_identities.owner == _to), select(_pods.identifier).where(_pods.identifier == _to))
BEFORE_POST = select(  # one row, whatever is known
    select(_messages.sha256).where(_this).scalar_subquery().label("sha256"),
    _sender_key.label("holder"),
    exists(_somebody).label("addressee"),
)
TAKE_IN = insert(_table)


def _hand_out(*more: ColumnElement[bool]) -> ReturningUpdate[Any]:
    oldest = select(_messages.id).where(*_free(*more)).order_by(_messages.id).limit(1).scalar_subquery()
    leased = {"attempt": _messages.attempt + 1, "lease_until": bindparam("until")}
    return update(_table).where(_messages.id == oldest).values(leased).returning(_messages.mid, _messages.attempt, _messages.body)


HAND_OUT, HAND_OUT_OF_TASK = _hand_out(), _hand_out(_of_task)
SOONEST, SOONEST_OF_TASK = _soonest.where(*_waiting()), _soonest.where(*_waiting(_of_task))

_shown = (_messages.recipient, _messages.sender_key, _messages.attempt, _messages.acked, _messages.expires, _messages.lease_until)
STATE = select(*_shown, _pods.fingerprint.label("holder")).outerjoin(_pod_table, _pods.identifier == _messages.recipient).where(_this)
EXTEND = update(_table).where(_this).values(lease_until=bindparam("until"))
ACK = update(_table).where(_this).values(acked=True, body=None)

_alive = and_(_messages.acked == False, _messages.expires > _now)  # noqa: E712
WAITING = select(_messages.sender_key, _messages.recipient, func.count().label("messages")).where(_alive)
WAITING = WAITING.group_by(_messages.sender_key, _messages.recipient)


def _how_many(*which: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((and_(*which), 1)))


COUNT = select(
    func.count().label("rows"),
    _how_many(_messages.acked).label("out"),
    _how_many(_alive).label("alive"),
    _how_many(_alive, _messages.lease_until <= _now).label("queued"),
).select_from(_table)

_old = _messages.expires <= bindparam("before")
TO_FORGET = select(_messages.acked, func.count()).where(_old).group_by(_messages.acked)
FORGET = delete(_table).where(_old)
EMPTY = update(_table).where(_messages.expires <= _now, _messages.body.is_not(None)).values(body=None)
