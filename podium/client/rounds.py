"""Driving the analyst's side of a protocol from what is on disk: the generator is run anew each time, for it does no I/O."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from podium.contracts import Reply, Task
from podium.errors import ConfigError, TaskError
from podium.protocols import Ask, Protocol

_Rounds = Generator[Ask, Mapping[str, Reply], dict[str, Reply]]


def opening(protocol: Protocol, pods: tuple[str, ...], task: Task) -> dict[str, Task]:
    """The task message's body for each pod. Raises ConfigError when the protocol leaves a pod out."""
    bodies = next(_begin(protocol, pods, task)).bodies
    if set(bodies) != set(pods):
        raise ConfigError(f"{protocol.kind!r} does not address every pod at once.", field="protocol")
    return {pod: Task.model_validate(dict(bodies[pod])) for pod in pods}


def closing(protocol: Protocol, pods: tuple[str, ...], task: Task, replies: Mapping[str, Reply]) -> dict[str, Reply]:
    """What the protocol makes of the pods' final replies. Raises TaskError if it wants another round: only one is driven as yet."""
    rounds = _begin(protocol, pods, task)
    next(rounds)
    try:
        rounds.send(replies)
    except StopIteration as end:
        final: dict[str, Reply] = end.value
        return final
    rounds.close()
    raise TaskError(f"{protocol.kind!r} wants another round, which cannot be driven from here.", code="rounds")


def _begin(protocol: Protocol, pods: tuple[str, ...], task: Task) -> _Rounds:
    return protocol.analyst(pods, task.model_dump(mode="json"))
