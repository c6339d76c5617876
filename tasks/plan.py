"""A plan: which parts of the source a run has to read, and what it takes over from runs before it.

A part whose token is the one of the last counted run has not changed. A run on new data leaves it out; a run on all data takes the state
that was kept of it, if that covers the whole part under the same contract. What this run committed before it was broken off is not read
again either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podium.contracts import Part, Survey
from schemas.datapoints import BatchRecord
from schemas.history import ELSEWHERE, Kept, Standing


@dataclass(frozen=True)
class Plan:
    """What to read, in order; of parts that need not be read the `states`, `unread`, how many datapoints, and `bad`, those in quarantine.

    `vanished`: parts that are no more.
    """

    token: str
    read: tuple[Part, ...]
    places: Mapping[str, int]
    states: tuple[dict[str, Any], ...]
    unread: int
    bad: int
    vanished: tuple[str, ...]


def all_kept(standing: Standing, *, contract: bytes) -> bool:
    """Whether the answer over all data follows from the kept states alone, if nothing has changed."""
    return bool(standing.parts) and all(kept.covers(contract) for kept in standing.parts.values())


def planned(survey: Survey, standing: Standing, *, new_only: bool, contract: bytes, done: Iterable[str] = ()) -> Plan:
    """The plan for a source that looks like `survey`; `done` are the parts that this run has committed already."""
    if survey.same:
        return Plan(
            token=survey.token,
            read=(),
            places={},
            states=_states(standing.parts.values()),
            unread=standing.total,
            bad=_bad(standing.parts.values()),
            vanished=(),
        )
    left = {part.id: standing.parts[part.id] for part in survey.parts if _stays(part, standing, new_only=new_only, contract=contract)}
    finished = set(done)
    read = tuple(part for part in survey.parts if part.id not in left and part.id not in finished)
    here = {part.id: ELSEWHERE for part in survey.parts}
    return Plan(
        token=survey.token,
        read=read,
        places=here | {part.id: place for place, part in enumerate(read)},
        states=_states(left.values()),
        unread=sum(kept.rows for kept in left.values()),
        bad=_bad(left.values()),
        vanished=tuple(part for part in standing.parts if part not in here),
    )


def goes_on(done: Sequence[BatchRecord], survey: Survey) -> bool:
    """Whether what a run committed before it was broken off is still how the source looks."""
    tokens = {part.id: part.token for part in survey.parts}
    return all(tokens.get(batch.part) == batch.token if batch.token else batch.part not in tokens for batch in done)


def _stays(part: Part, standing: Standing, *, new_only: bool, contract: bytes) -> bool:
    kept = standing.parts.get(part.id)
    return kept is not None and kept.token == part.token and (new_only or kept.covers(contract))


def _states(kept: Iterable[Kept]) -> tuple[dict[str, Any], ...]:
    return tuple(one.state for one in kept if one.state is not None)


def _bad(kept: Iterable[Kept]) -> int:
    return sum(one.quarantined for one in kept)
