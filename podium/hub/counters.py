"""What went through this hub since its first start.

In = out + queued + leased + expired, always: a row counts until it is deleted, and the same transaction adds it to the totals.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlmodel import col

from podium.hub import queries
from podium.hub.presence import Presence, online
from podium.hub.tables import Fact, Identity, PodRow

OUT, EXPIRED = "forgotten_out", "forgotten_expired"


def counted(db: Connection, presence: Presence, *, now: float) -> dict[str, Any]:
    """Messages, people and pods."""
    past = _forgotten(db)
    here = db.execute(queries.COUNT, {"now": now}).one()
    kinds = {
        "out": here.out + past[OUT],
        "queued": here.queued,
        "leased": here.alive - here.queued,
        "expired": here.rows - here.out - here.alive + past[EXPIRED],
    }
    seen = [
        presence.last_seen(row.identifier, row.last_seen, now) for row in db.execute(select(col(PodRow.identifier), col(PodRow.last_seen)))
    ]
    return {
        "messages": {"in": here.rows + past[OUT] + past[EXPIRED], **kinds},
        "people": db.scalar(select(func.count(func.distinct(col(Identity.owner))))) or 0,
        "pods": {"registered": len(seen), "online": sum(online(one, now) for one in seen)},
    }


def remember(db: Connection, *, before: float) -> None:
    """Add to the totals what is about to be forgotten."""
    for acked, rows in db.execute(queries.TO_FORGET, {"before": before}).all():
        name = OUT if acked else EXPIRED
        total = _forgotten(db)[name] + rows
        if db.execute(update(Fact).where(col(Fact.name) == name).values(value=str(total))).rowcount == 0:
            db.execute(insert(Fact).values(name=name, value=str(total)))


def _forgotten(db: Connection) -> dict[str, int]:
    found = db.execute(select(col(Fact.name), col(Fact.value)).where(col(Fact.name).in_((OUT, EXPIRED))))
    return {OUT: 0, EXPIRED: 0, **{row.name: int(row.value) for row in found}}
