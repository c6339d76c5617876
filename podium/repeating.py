"""When a standing task is asked again: by the clock, or when its source has grown. No I/O, and nothing here knows Prefect.

A cron line has five fields (minute, hour, day, month, weekday), in UTC. Its minute is one number, so that nothing repeats more often than
once an hour. A day must fit the day or the weekday where both are given, as cron has it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from podium.errors import ConfigError
from podium.plugin import Frozen, read_strictly

FIRST = 1  # the number of the run that the task itself starts
CRON = r"^$|^[0-9]{1,2}( +[0-9*/,A-Za-z-]+){4}$"
_LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_NAMES = {3: {name: no for no, name in enumerate(_MONTHS, start=1)}, 4: {name: no for no, name in enumerate(_DAYS)}}
_HORIZON = 8 * 366  # days: the 29th of February comes within eight years


@dataclass(frozen=True)
class Cron:
    """A cron line, read."""

    minute: int
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # Sunday is 0
    either: bool  # the day and the weekday are both given

    @classmethod
    def read(cls, line: str) -> Self:
        """The line's times. Raises ValueError, saying which field is wrong."""
        fields = line.split()
        if len(fields) != 5 or not line.isascii():
            raise ValueError("must be a cron line of five fields (minute, hour, day, month, weekday), such as '0 6 * * 1'")
        if not fields[0].isdigit():
            raise ValueError("must have one number for its minute: a task repeats once an hour at most")
        minute, hours, days, months, weekdays = (frozenset(_values(field, at)) for at, field in enumerate(fields))
        weekdays = frozenset(day % 7 for day in weekdays)
        found = cls(min(minute), hours, days, months, weekdays, "*" not in (fields[2], fields[4]))
        if found.after(0) is None:
            raise ValueError("names a day that never comes")
        return found

    def after(self, moment: int) -> int | None:
        """The first time after `moment`, in seconds since 1970; None where there is none."""
        start = dt.datetime.fromtimestamp(moment, dt.UTC)
        for ahead in range(_HORIZON):
            day = start.date() + dt.timedelta(days=ahead)
            if not self._fits(day):
                continue
            for hour in sorted(self.hours):
                at = int(dt.datetime(day.year, day.month, day.day, hour, self.minute, tzinfo=dt.UTC).timestamp())
                if at > moment:
                    return at
        return None

    def _fits(self, day: dt.date) -> bool:
        if day.month not in self.months:
            return False
        among, weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return among or weekday if self.either else among and weekday


class Repeat(Frozen):
    """When a standing task is asked again, by itself: at the times of `cron` (five fields, UTC), or when the source has grown.

    `grown_by` is a number of datapoints, `grown_by_percent` a share of those at the last release; exactly one of the three is given.
    `until` is the last moment, in seconds since 1970; a date or a time as text is taken too. `cumulative`: each time on all data; else on
    what is new.
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [name]} for name in ("cron", "grown_by", "grown_by_percent")]})

    cron: str = Field(default="", max_length=100, json_schema_extra={"pattern": CRON})
    grown_by: int | None = Field(default=None, ge=1)
    grown_by_percent: float | None = Field(default=None, gt=0, le=1000)
    until: int = Field(ge=0, lt=2**37, json_schema_extra={"type": ["integer", "string"]})
    cumulative: bool = False

    @field_validator("cron")
    @classmethod
    def _readable(cls, line: str) -> str:
        if line:
            Cron.read(line)
        return line

    @field_validator("until", mode="before")
    @classmethod
    def _seconds(cls, until: Any) -> Any:
        """A date is its first moment, UTC; so is a time without a zone."""
        if isinstance(until, str):
            try:
                until = dt.datetime.fromisoformat(until)
            except ValueError:
                raise ValueError("must be a date such as 2027-01-01") from None
        if isinstance(until, dt.date) and not isinstance(until, dt.datetime):
            until = dt.datetime(until.year, until.month, until.day, tzinfo=dt.UTC)
        if isinstance(until, dt.datetime):
            return int((until if until.tzinfo else until.replace(tzinfo=dt.UTC)).timestamp())
        return until

    @model_validator(mode="after")
    def _one_trigger(self) -> Self:
        if bool(self.cron) + (self.grown_by is not None) + (self.grown_by_percent is not None) != 1:
            raise ValueError("give exactly one of cron, grown_by and grown_by_percent")
        return self

    def grown(self, *, before: int, now: int) -> bool:
        """Whether a source of so many datapoints has grown by enough since it had `before`; a task of the clock asks for no growth."""
        if self.grown_by is not None:
            return now - before >= self.grown_by
        if self.grown_by_percent is not None:
            return now > before and (now - before) * 100 >= self.grown_by_percent * before
        return True

    @property
    def words(self) -> str:
        """For people: when, on what, until when."""
        if self.cron:
            when = f"at the times of cron '{self.cron}' (UTC)"
        else:
            by = f"{self.grown_by} datapoints" if self.grown_by is not None else f"{self.grown_by_percent:g} %"
            when = f"when the source has grown by {by}"
        last = dt.datetime.fromtimestamp(self.until, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"again by itself {when}, {'on all data' if self.cumulative else 'on new data only'}, until {last}"


def check_repeat(repeat: Repeat, *, protocol: str, new_data_only: bool, now: int) -> None:
    """Raise ConfigError for a task that cannot stand: answered in rounds, over already, or at odds with itself."""
    if protocol != "one_round":
        raise ConfigError("only a task of one round can repeat.", field="repeat", remedy="Ask this one each time.")
    if repeat.until <= now:
        raise ConfigError("this moment is over.", field="repeat.until", remedy="Give a date in the future.")
    if new_data_only == repeat.cumulative:
        said = "a cumulative task is answered on all data." if repeat.cumulative else "a task that repeats is answered on new data only."
        raise ConfigError(said, field="new_data_only", remedy="Leave new_data_only out, and choose by repeat.cumulative.")


def as_repeat(given: Repeat | Mapping[str, Any]) -> Repeat:
    """The same from plain values. Raises ConfigError, with the nearest known key for an unknown one."""
    if isinstance(given, Repeat):
        return given
    try:
        return read_strictly(Repeat, dict(given))
    except (TypeError, ValueError):
        raise ConfigError("give a podium.Repeat, or a dict of its fields.", field="repeat") from None


def repeat_id(run: str, no: int) -> str:
    """The run of a standing task's repeat: both sides can compute it. `run` is the run that the task itself started."""
    return hashlib.sha256(f"podium-repeat/1\n{run}\n{no}".encode()).hexdigest()[:32]


def _values(field: str, at: int) -> Iterator[int]:
    low, high = _LIMITS[at]
    for part in field.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = low, (6 if at == 4 else high)
        else:
            start = _number(first, at)
            end = _number(last, at) if dash else high if slash else start
        by = int(step) if slash and step.isdigit() and int(step) else 1 if not slash else 0
        if not by or not low <= start <= end <= high:
            raise ValueError(f"has a field that cannot be read: {field[:20]!r}")
        yield from range(start, end + 1, by)


def _number(text: str, at: int) -> int:
    named = _NAMES.get(at, {}).get(text.upper())
    if named is None and not text.isdigit():
        raise ValueError(f"has a field that cannot be read: {text[:20]!r}")
    return int(text) if named is None else named
