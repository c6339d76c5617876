"""The mailbox's statements, built once: putting one together costs SQLAlchemy several times what running it does."""

from __future__ import annotations

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, select, update

from podium.hub.tables import HubTable

_table = HubTable.metadata.tables["hub_messages"]
_messages = _table.c
_pods = HubTable.metadata.tables["hub_pods"].c
_identities = HubTable.metadata.tables["hub_identities"].c
_this = _messages.mid == bindparam("of")
_now: ColumnElement[int] = bindparam("now")


def _waiting(*more: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    # `== False` and not `IS false`: the partial indexes are found by it.
    return [_messages.recipient == bindparam("address"), _messages.acked == False, _messages.expires > _now, *more]  # noqa: E712


def _free(*more: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    return [*_waiting(*more), _messages.lease_until <= _now]


_of_task = _messages.task == bindparam("task")
_delivery = select(_messages.id, _messages.mid, _messages.attempt, _messages.body).order_by(_messages.id).limit(1)
_soonest = select(func.min(_messages.lease_until))

POD_KEY = select(_pods.fingerprint).where(_pods.identifier == bindparam("address"))
SOMEONE = select(_identities.owner).where(_identities.owner == bindparam("address")).limit(1)

DIGEST = select(_messages.sha256).where(_this)
TAKE_IN = insert(_table)

NEXT, NEXT_OF_TASK = _delivery.where(*_free()), _delivery.where(*_free(_of_task))
SOONEST, SOONEST_OF_TASK = _soonest.where(*_waiting()), _soonest.where(*_waiting(_of_task))
HAND_OUT = update(_table).where(_messages.id == bindparam("row")).values(attempt=bindparam("by"), lease_until=bindparam("until"))

STATE = select(
    _messages.recipient, _messages.sender_key, _messages.attempt, _messages.acked, _messages.expires, _messages.lease_until
).where(_this)
EXTEND = update(_table).where(_this).values(lease_until=bindparam("until"))
ACK = update(_table).where(_this).values(acked=True, body=None)

FORGET = delete(_table).where(_messages.expires <= bindparam("before"))
EMPTY = update(_table).where(_messages.expires <= _now, _messages.body.is_not(None)).values(body=None)
