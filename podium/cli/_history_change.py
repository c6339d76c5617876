"""`podium pod history prune` and `retry`: the two that write. Both are safe beside a pod that is at work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from podium.cli._frame import JsonFlag, emit
from podium.cli._pods import Which

if TYPE_CHECKING:
    from podium.config import PodConfig

DAY = 86_400


def prune(
    pod: Which = "",
    before: Annotated[
        str, typer.Option(metavar="WHEN", help="A number of days, or a date as in 2026-01-31; else `history.keep_events_days` of the pod.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Remove what old runs kept and no run needs any more. How each datapoint stands stays."""
    from podium.cli._history_datapoint import secret_of
    from podium.cli._history_readers import Readers
    from podium.cli._pods import pods_meant

    done = []
    with Readers(pods_meant(pod)) as readers:
        for name, config in readers.configs.items():
            until = _moment(before) if before else int(time.time()) - config.history.keep_events_days * DAY
            at_most = readers.of(name).before(until)
            one: dict[str, Any] = {"pod": name, "before": until, **at_most, "removed": None}
            typer.echo(_announced(one, dry_run=dry_run), err=True)
            if not dry_run:
                with _database(config) as database:
                    one["removed"] = _store(database).prune(until, secret=lambda config=config: secret_of(config, "keys"))
            done.append(one)
    lines = [f"{one['pod']}: {'nothing was changed' if dry_run else str(one['removed']) + ' entries removed'}." for one in done]
    emit(done, as_json=as_json, human="\n".join(lines) or "No pod was started here.")


def retry(
    task: Annotated[str, typer.Option(metavar="ID", help="The question: its number, an analyst's task, or the beginning of its digest.")],
    pod: Which = "",
    datapoint: Annotated[str, typer.Option(metavar="KEY", help="This one alone; written as for podium pod history --datapoint.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Let the datapoints of a question that are in quarantine be tried again by its next run."""
    from podium import project
    from podium.cli._history_datapoint import keys, source_of
    from podium.cli._history_readers import Readers
    from podium.cli._pods import pods_meant
    from podium.errors import ConfigError

    with Readers(pods_meant(pod)) as readers:
        name, no = readers.task_no(task)
        config, reader = readers.configs[name], readers.of(name)
        meant: list[bytes | None] = [None]
        if datapoint:
            source = source_of(config, reader.task(no)["datasource"])
            meant = [*keys(datapoint, source=source, config=config, reader=reader)]
        with _database(config) as database:
            tried = sum(project.load("schemas.history_retry").retry(database, no, key) for key in meant)
    if datapoint and not tried:
        raise ConfigError(
            "the datapoint is not in quarantine.", field="--datapoint", remedy="Ask how it stands: podium pod history --datapoint"
        )
    said = (
        f"{tried:,} {'datapoint' if tried == 1 else 'datapoints'} of question {no} will be tried again by its next run."
        if tried
        else f"Question {no} has nothing in quarantine."
    )
    emit({"pod": name, "task": no, "retried": tried}, as_json=as_json, human=said)


def _moment(when: str) -> int:
    """So many days ago, or the beginning of that day, local time. Raises ConfigError."""
    import datetime as dt

    from podium.errors import ConfigError

    try:
        until = int(time.time()) - int(when) * DAY if when.isdecimal() else int(dt.datetime.fromisoformat(when).timestamp())
    except (ValueError, OverflowError):
        remedy = "Write a number of days, or a date as in 2026-01-31."
        raise ConfigError("this is neither days nor a date.", field="--before", remedy=remedy) from None
    if not 0 <= until <= time.time():
        raise ConfigError("this does not lie behind us.", field="--before", remedy="Name a day that is over.")
    return until


def _announced(one: dict[str, Any], *, dry_run: bool) -> str:
    date = time.strftime("%Y-%m-%d", time.localtime(one["before"]))
    verb = "would look" if dry_run else "looking"
    looked = f"{one['runs']:,} runs that ended before {date}, with {one['entries']:,} entries on datapoints"
    return f"{one['pod']}: {verb} through {looked}; what still stands stays."


@contextmanager
def _database(config: PodConfig) -> Iterator[Any]:
    from podium import project

    database = project.load("schemas.stores").PodDatabase.of(folder=config.folder, url=config.history.url, pod=config.identifier)
    try:
        yield database
    finally:
        database.close()


def _store(database: Any) -> Any:
    from podium import project

    return project.load("schemas.history").HistoryStore(database)
