"""The one place that loads the project: its flows, and the few plain steps that a supervisor calls itself."""

from __future__ import annotations

from typing import Any

from podium import project


class Flows:
    """The flows of `flows/`, `serve` of `deployments/`, and from `tasks/` the plain steps that are called without one."""

    def __init__(self) -> None:
        self.pod_startup: Any = project.load("flows.pod_startup").pod_startup
        self.schema_generation: Any = project.load("flows.schema_generation").schema_generation
        self.task_polling: Any = project.load("flows.task_polling").task_polling
        self.computation: Any = project.load("flows.computation").computation
        self.serve: Any = project.load("deployments.serve").serve
        self.deliver: Any = project.load("tasks.reply").deliver
        self.attend: Any = project.load("tasks.attend").attend
        self.attend_standing: Any = project.load("tasks.standing").attend_standing
        self.schedule: Any = project.load("tasks.schedules").schedule
        self.list_open: Any = project.load("tasks.to_do").list_open
        self.cancel: Any = project.load("tasks.cancel").cancel
        self.settle: Any = project.load("tasks.settle").settle
        self.open_desk: Any = project.load("tasks.desk").open_desk
