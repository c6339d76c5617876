"""How an algorithm travels between an analyst and pods: generators that yield what to do and are sent what came of it.

They do no I/O, so one definition drives the pod, the client and a simulation.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from podium.algorithms import Algorithm, Iterative
from podium.contracts import Partial, Released, Reply
from podium.errors import ConfigError
from podium.plugin import Plugin, lazy_kinds


@dataclass(frozen=True)
class Compute:
    """Pod side: run the algorithm's `local` on the chosen rows, at these parameters if there are any; the Partial is sent back."""

    parameters: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Release:
    """Pod side: put this through the gate; the Released is sent back."""

    partial: Partial


@dataclass(frozen=True)
class Send:
    """Pod side: seal this to the analyst; None is sent back. `last` ends the run, any other is a round of it."""

    released: Released
    last: bool = True


@dataclass(frozen=True)
class Await:
    """Pod side: wait for the analyst's word on the next round, which is sent back as a Round. Meanwhile the run holds nothing."""


@dataclass(frozen=True)
class Ask:
    """Analyst side: one body for each pod, by its identifier; the replies are sent back, by identifier.

    A pod that is silent or says no has a Reply that says so, or none. The first bodies are Tasks, those of later rounds Rounds.
    """

    bodies: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """Analyst side, at the end: the last reply of each pod that gave one, and the result where the protocol has made it itself."""

    replies: dict[str, Reply]
    result: Any = None


PodStep = Compute | Release | Send | Await
AnalystSide = Generator[Ask, Mapping[str, Reply], Outcome]


class Protocol(Plugin):
    """The conversation of one task."""

    package: ClassVar[str] = "podium.protocols"

    @abstractmethod
    def pod(self) -> Generator[PodStep, Any, None]:
        """One run at one pod. The driver sends each step's outcome and closes the generator when the run ends early."""

    @abstractmethod
    def analyst(self, pods: tuple[str, ...], task: Mapping[str, Any]) -> AnalystSide:
        """The whole task at the analyst. The same replies lead to the same steps: to go on, it is run again from the start."""

    def check(self, algorithm: Algorithm) -> None:
        """Raise ConfigError if it cannot carry this algorithm: one that is answered in rounds, unless the protocol says otherwise."""
        if isinstance(algorithm, Iterative):
            raise _unfit(self, algorithm, "Use the protocol many_rounds.")


def usual(algorithm: type[Algorithm]) -> str:
    """The kind of protocol that carries such an algorithm when none is named."""
    return "many_rounds" if issubclass(algorithm, Iterative) else "one_round"


def _unfit(protocol: Protocol, algorithm: Algorithm, remedy: str) -> ConfigError:
    return ConfigError(f"{protocol.kind} does not carry {algorithm.kind}.", field="protocol", remedy=remedy, code="bad_task")


__getattr__ = lazy_kinds(__name__)
