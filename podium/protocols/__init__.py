"""How an algorithm travels between an analyst and pods: generators that yield what to do and are sent what came of it.

They do no I/O, so one definition drives the pod, the client and a simulation.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from podium.contracts import Partial, Released, Reply
from podium.plugin import Plugin, lazy_kinds


@dataclass(frozen=True)
class Compute:
    """Pod side: run the algorithm's `local` on the chosen rows; the Partial is sent back."""


@dataclass(frozen=True)
class Release:
    """Pod side: put this through the gate; the Released is sent back."""

    partial: Partial


@dataclass(frozen=True)
class Send:
    """Pod side: seal this to the analyst; None is sent back. `last` ends the run."""

    released: Released
    last: bool = True


@dataclass(frozen=True)
class Ask:
    """Analyst side: one body for each pod, by its identifier; the replies are sent back, by identifier.

    A pod that is silent or says no has a Reply that says so, or none.
    """

    bodies: Mapping[str, Mapping[str, Any]]


PodStep = Compute | Release | Send


class Protocol(Plugin):
    """The conversation of one task."""

    package: ClassVar[str] = "podium.protocols"

    @abstractmethod
    def pod(self) -> Generator[PodStep, Any, None]:
        """One run at one pod. The driver sends each step's outcome and closes the generator when the run ends early."""

    @abstractmethod
    def analyst(self, pods: tuple[str, ...], task: Mapping[str, Any]) -> Generator[Ask, Mapping[str, Reply], dict[str, Reply]]:
        """The whole task at the analyst; its return value is the last reply of each pod that gave one."""


__getattr__ = lazy_kinds(__name__)
