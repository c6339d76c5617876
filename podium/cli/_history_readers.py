"""The databases of the pods that are meant, open for reading, and what is found in them together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from podium.config import PodConfig


class Readers:
    """`with Readers(pods) as readers:`. Every answer names the pod that it is from."""

    def __init__(self, pods: Iterable[str]) -> None:
        from podium import project
        from podium.config import saved_pod

        reading = project.load("schemas.reading")
        self.configs: dict[str, PodConfig] = {name: saved_pod(name) for name in pods}
        self._readers: dict[str, Any] = {}
        for name, config in self.configs.items():
            self._readers[name] = reading.RunReader(folder=config.folder, pod=name, url=config.history.url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for reader in self._readers.values():
            reader.close()

    def of(self, pod: str) -> Any:
        """The reader of one pod."""
        return self._readers[pod]

    def runs(self, limit: int) -> list[dict[str, Any]]:
        """The newest runs of each pod, newest first."""
        listed = [{"pod": name, **fields} for name, reader in self._readers.items() for fields in reader.runs(limit)]
        return sorted(listed, key=lambda fields: -fields["received_at"])

    def run(self, prefix: str) -> dict[str, Any]:
        """The one run that begins so. Raises ConfigError."""
        wanted = prefix.strip().lower()
        pod, run = self._only([(name, run) for name, reader in self._readers.items() for run in reader.like(wanted)], wanted, "run")
        return {"pod": pod, **self.of(pod).run(run)}

    def tasks(self) -> list[dict[str, Any]]:
        """The questions, newest first in each pod."""
        return [{"pod": name, **fields} for name, reader in self._readers.items() for fields in reader.tasks()]

    def task_no(self, wanted: str) -> tuple[str, int]:
        """The pod and the number of the one question that is meant. Raises ConfigError."""
        wanted = wanted.strip()
        return self._only([(name, no) for name, reader in self._readers.items() for no in reader.tasks_like(wanted)], wanted, "task")

    def task(self, wanted: str) -> dict[str, Any]:
        """That question with its runs and parts."""
        pod, no = self.task_no(wanted)
        return {"pod": pod, **self.of(pod).task(no)}

    def _only(self, fitting: list[tuple[str, Any]], wanted: str, what: str) -> tuple[str, Any]:
        from podium.errors import ConfigError
        from podium.text import shortened

        shown, field = shortened(repr(wanted)), f"--{what}"
        if len(fitting) == 1:
            return fitting[0]
        several = len({pod for pod, _ in fitting}) > 1
        if what == "run":
            none, many, see = f"no run begins with {shown}.", f"{len(fitting)} runs begin with {shown}.", "podium pod history"
            more = "Give more of the id."
        else:
            none, many, see = (
                f"no question is known as {shown}.",
                f"{len(fitting)} questions are known as {shown}.",
                "podium pod history --tasks",
            )
            more = "Name the pod." if several else "Give its number."
        if fitting:
            raise ConfigError(many, field=field, remedy=more)
        raise ConfigError(none, field=field, remedy=f"See: {see}" if self._readers else "Start one: podium pod start FILE")
