"""One question, one answer from each pod."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, ClassVar, Self

from podium.contracts import Reply
from podium.protocols import Ask, Compute, PodStep, Protocol, Release, Send


class OneRound(Protocol):
    """Compute, release, send: nothing at a pod depends on another pod's answer."""

    kind: ClassVar[str] = "one_round"

    def pod(self) -> Generator[PodStep, Any, None]:
        partial = yield Compute()
        released = yield Release(partial)
        yield Send(released, last=True)

    def analyst(self, pods: tuple[str, ...], task: Mapping[str, Any]) -> Generator[Ask, Mapping[str, Reply], dict[str, Reply]]:
        replies = yield Ask(dict.fromkeys(pods, task))
        return {pod: replies[pod] for pod in pods if pod in replies}

    @classmethod
    def sample(cls, *_: Any) -> Self:
        return cls()
