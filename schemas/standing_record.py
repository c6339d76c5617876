"""The table of standing tasks."""

from __future__ import annotations

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from podium.contracts import Repeat, Task
from podium.repeating import FIRST, Cron


class StandingRecord(SQLModel, table=True):
    """One standing task, by its first run: all that it takes to run and to answer again, without the message that it came in.

    `header` is that message's own, as it was verified; `reference` what answers name. `next_no`: the next repeat. `since`: when its first
    run ended so that it stands. `looked_at`: when it was last due; `token`, of the source, when a repeat was last begun. `total` and
    `released_at`: at its last release; `cells`, of a cumulative one: each cell before the gate, as it was when it last left. `noticed`:
    the analyst knows of a repeat without a release since. `told_at`: she knows of the end.
    """

    __tablename__ = "standing"

    run: str = Field(primary_key=True, max_length=32)
    header: bytes = Field(sa_type=LargeBinary)
    reference: str
    task_json: str
    until: int
    next_no: int = FIRST + 1
    since: int | None = None
    looked_at: int = 0
    token: str = ""
    total: int = 0
    cells: str = Field(default="", sa_column_kwargs={"server_default": ""})
    released_at: int | None = None
    noticed: bool = False
    ended_at: int | None = Field(default=None, index=True)
    ended_by: str = Field(default="", max_length=20)
    told_at: int | None = None

    @property
    def task(self) -> Task:
        """What is asked."""
        return Task.model_validate_json(self.task_json)

    @property
    def repeat(self) -> Repeat:
        """When it is asked again."""
        repeat = self.task.repeat
        assert repeat is not None
        return repeat

    def missed(self, now: int, *, grace: int = 120) -> bool:
        """Whether a time of its cron has passed at which nobody looked, say because the pod was down."""
        if not self.repeat.cron:
            return False
        due = Cron.read(self.repeat.cron).after(max(self.looked_at, self.since or 0))
        return due is not None and due + grace <= now
