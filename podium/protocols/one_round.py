"""One question, one answer from each pod."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, ClassVar, Self

from podium.protocols import AnalystSide, Ask, Compute, Outcome, PodStep, Protocol, Release, Send


class OneRound(Protocol):
    """Compute, release, send: nothing at a pod depends on another pod's answer."""

    kind: ClassVar[str] = "one_round"

    def pod(self) -> Generator[PodStep, Any, None]:
        partial = yield Compute()
        released = yield Release(partial)
        yield Send(released, last=True)

    def analyst(self, pods: tuple[str, ...], task: Mapping[str, Any]) -> AnalystSide:
        replies = yield Ask(dict.fromkeys(pods, task))
        return Outcome({pod: replies[pod] for pod in pods if pod in replies})

    @classmethod
    def sample(cls, *_: Any) -> Self:
        return cls()
