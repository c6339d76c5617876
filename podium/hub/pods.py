"""Registered pods and their catalogue cards.

- A pod's name begins with its owner's, and belongs to the identity key that registered it first.
- Only that key may change the entry, publish cards or send heartbeats for it.
- Of a card that was replaced or taken out, nothing stays.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlmodel import col

from podium.hub.auth import Caller
from podium.hub.presence import Presence, online
from podium.hub.refusal import Refused
from podium.hub.store import forget
from podium.hub.tables import CardRow, Identity, PodRow

View = dict[str, Any]


def register(db: Connection, caller: Caller, *, pod: str, fields: dict[str, Any], now: float) -> None:
    """Enter the pod, or bring its entry up to date. Raises Refused: 403 for another's owner name, 409 for another's pod."""
    if pod.partition("/")[0] != caller.owner:
        raise Refused(403, "not_yours", f"Pods of this owner cannot be registered with {caller.owner}'s key.")
    holder = db.scalar(select(col(PodRow.fingerprint)).where(col(PodRow.identifier) == pod))
    if holder is None:
        db.execute(insert(PodRow).values(identifier=pod, fingerprint=caller.fingerprint, last_seen=now, **fields))
    elif holder == caller.fingerprint:
        db.execute(update(PodRow).where(col(PodRow.identifier) == pod).values(last_seen=now, **fields))
    else:
        raise Refused(409, "name_taken", f"The pod {pod} is registered under another identity key.", remedy="Give the pod another name.")


def require(db: Connection, caller: Caller, pod: str) -> None:
    """Raises Refused unless this pod is registered under the caller's key."""
    holder = db.scalar(select(col(PodRow.fingerprint)).where(col(PodRow.identifier) == pod))
    if holder is None:
        raise _unknown(pod)
    if holder != caller.fingerprint:
        raise Refused(403, "not_yours", f"The pod {pod} is registered under another identity key.")


def publish(db: Connection, caller: Caller, *, pod: str, datasource: str, card: dict[str, Any]) -> None:
    """Put the card in the catalogue, in place of any earlier one."""
    require(db, caller, pod)
    here = (col(CardRow.pod) == pod, col(CardRow.datasource) == datasource)
    held = db.scalar(select(col(CardRow.card)).where(*here))
    if held is None:
        db.execute(insert(CardRow).values(pod=pod, datasource=datasource, card=card))
    elif held != card:
        db.execute(update(CardRow).where(*here).values(card=card))
        forget(db)


def unpublish(db: Connection, caller: Caller, *, pod: str, datasource: str) -> None:
    """Take the card out; fine if there is none."""
    require(db, caller, pod)
    if db.execute(delete(CardRow).where(col(CardRow.pod) == pod, col(CardRow.datasource) == datasource)).rowcount:
        forget(db)


def views(db: Connection, presence: Presence, *, now: float, pod: str = "") -> list[View]:
    """Every pod as others see it, or the one named. Raises Refused when that one is unknown."""
    cards = select(col(CardRow.pod), col(CardRow.datasource)).order_by(col(CardRow.datasource))
    pods = select(PodRow, col(Identity.public_key)).join(Identity, col(Identity.fingerprint) == col(PodRow.fingerprint))
    if pod:
        cards, pods = cards.where(col(CardRow.pod) == pod), pods.where(col(PodRow.identifier) == pod)
    datasources: dict[str, list[str]] = defaultdict(list)
    for row in db.execute(cards):
        datasources[row.pod].append(row.datasource)
    rows = db.execute(pods.order_by(col(PodRow.identifier))).all()
    if pod and not rows:
        raise _unknown(pod)
    return [_view(row, presence.last_seen(row.identifier, row.last_seen, now), now, datasources[row.identifier]) for row in rows]


def card(db: Connection, *, pod: str, datasource: str) -> View:
    """A published card. Raises Refused."""
    found = db.scalar(select(col(CardRow.card)).where(col(CardRow.pod) == pod, col(CardRow.datasource) == datasource))
    if found is None:
        raise Refused(404, "unknown_datasource", f"The pod {pod} has published no datasource {datasource!r}.")
    return dict(found)


def _view(row: Row[Any], last_seen: float, now: float, datasources: list[str]) -> View:
    return {
        "identifier": row.identifier,
        "status": "online" if online(last_seen, now) else "offline",
        "last_seen": int(last_seen),
        "identity": row.fingerprint,
        "public_key": row.public_key,
        "statement": row.statement,
        "display_name": row.display_name,
        "description": row.description,
        "version": row.version,
        "datasources": datasources,
    }


def _unknown(pod: str) -> Refused:
    return Refused(404, "unknown_pod", f"There is no pod {pod}.", remedy="See which there are: podium.connect().pods()")
