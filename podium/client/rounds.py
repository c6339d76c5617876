"""Driving the analyst's side of a protocol from what is on disk: the generator is run anew each time, for it does no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from podium.contracts import Reply, Round, Task
from podium.errors import ConfigError
from podium.protocols import AnalystSide, Outcome, Protocol


def opening(protocol: Protocol, pods: tuple[str, ...], task: Task) -> dict[str, Task]:
    """The task message's body for each pod. Raises ConfigError when the protocol leaves a pod out."""
    bodies = next(_begin(protocol, pods, task)).bodies
    if set(bodies) != set(pods):
        raise ConfigError(f"{protocol.kind!r} does not address every pod at once.", field="protocol")
    return {pod: Task.model_validate(dict(bodies[pod])) for pod in pods}


def going_on(protocol: Protocol, pods: tuple[str, ...], task: Task, rounds: Sequence[Mapping[str, Reply]]) -> dict[str, Round] | Outcome:
    """What follows on the pods' replies, round by round, one of each pod asked: a word to some pods, or the end."""
    steps = _begin(protocol, pods, task)
    step = next(steps)
    try:
        for replies in rounds:
            step = steps.send(replies)
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome
    return {pod: Round.model_validate(dict(body)) for pod, body in step.bodies.items()}


def _begin(protocol: Protocol, pods: tuple[str, ...], task: Task) -> AnalystSide:
    return protocol.analyst(pods, task.model_dump(mode="json"))
