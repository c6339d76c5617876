"""`podium pod history report`: what each datapoint was given, beside the columns that name it. For the custodian alone.

A worker reads the source and writes the file; the database has keyed digests, and what is sealed is opened here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from podium.cli._frame import JsonFlag, emit
from podium.cli._pods import Which

if TYPE_CHECKING:
    from podium.cli._history_readers import Readers
    from podium.config import PodConfig
    from podium.contracts import Reported


def report(
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The CSV file to write; only you may read it.")],
    pod: Which = "",
    task: Annotated[str, typer.Option(metavar="ID", help="All that stands of this question; as for podium pod history.")] = "",
    run: Annotated[str, typer.Option(metavar="ID", help="What this run gave the datapoints that were new or changed to it.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace the file, if it is there.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write what an algorithm has given each datapoint, such as its score, with the columns that name it."""
    from podium.cli._history_readers import Readers
    from podium.cli._pods import pods_meant
    from podium.errors import ConfigError

    if bool(task) == bool(run):
        raise ConfigError("which results are meant?", field="--task", remedy="Name a question by --task, or one run by --run.")
    to = to.expanduser().absolute()
    _check_place(to, force=force)
    with Readers(pods_meant(pod)) as readers:
        name, task_no, run_no = _meant(readers, task=task, run=run)
        told = _write(readers, name, task_no, run_no, to=to, force=force)
    found = {"pod": name, "task": task_no, "file": str(to), **told.model_dump()}
    emit(found, as_json=as_json, human=_said(told, to))


def _check_place(to: Path, *, force: bool) -> None:
    from podium.errors import ConfigError

    if not to.parent.is_dir():
        raise ConfigError(f"there is no folder {to.parent}.", field="--to", remedy="Make it, or name another.")
    if to.is_dir() or (to.exists() and not force):
        raise ConfigError(f"{to} is there already.", field="--to", remedy="Name another file, or add --force to replace it.")


def _meant(readers: Readers, *, task: str, run: str) -> tuple[str, int, int | None]:
    """The pod, the question, and of one run its number. Raises ConfigError where no results can be."""
    from podium.algorithms import Algorithm, Scoring
    from podium.errors import ConfigError

    if task:
        pod, task_no = readers.task_no(task)
        run_no = None
    else:
        shown = readers.run(run)
        pod, task_no, run_no = shown["pod"], shown["task_no"], shown["no"]
        if not shown["counted"]:
            said = f"run {shown['id'][:8]} has no results: it is {shown['status']}, and nothing was kept of it."
            raise ConfigError(said, field="--run", remedy="Results stand from the release on, where history.pod_db is true.")
    asked = readers.of(pod).task(task_no)
    if not issubclass(Algorithm.of(asked["algorithm"]), Scoring):
        said = f"{asked['algorithm']} gives datapoints no result."
        raise ConfigError(said, field="--task" if task else "--run", remedy="Such as score does; see: podium pod history --tasks")
    if not readers.of(pod).results(task_no, run_no):
        raise ConfigError(
            "no results are there: nothing was new to it, or newer ones have replaced them and they were pruned.",
            field="--task" if task else "--run",
            remedy=f"See: podium pod history --task {task_no}",
        )
    return pod, task_no, run_no


def _write(readers: Readers, pod: str, task_no: int, run_no: int | None, *, to: Path, force: bool) -> Reported:
    import asyncio

    from podium.cli._history_datapoint import secret_of, source_of
    from podium.errors import ConfigError
    from podium.files import in_the_making

    reader, config = readers.of(pod), readers.configs[pod]
    secret = secret_of(config, "--to")
    source = source_of(config, reader.task(task_no)["datasource"])
    records = reader.records(task_no, run_no, secret=secret)
    try:
        with in_the_making(to, exclusive=not force) as place:
            return asyncio.run(_reported(config, source, records, place, secret=secret))
    except FileExistsError:
        raise ConfigError(f"{to} is there already.", field="--to", remedy="Name another file, or add --force to replace it.") from None


async def _reported(config: PodConfig, source: Any, records: Any, place: Path, *, secret: bytes) -> Reported:
    from podium.config import home
    from podium.history.secret import datasource_secret
    from podium.workers.session import Limits, WorkerSession

    limits = Limits(memory_mb=config.limits.worker_memory_mb, seconds=24 * 3600)
    cache = config.folder / "cache" / source.name
    async with WorkerSession.open(source.dump(), limits=limits, folder=home() / "work", cache=cache) as worker:
        return await worker.report(place, records, secret=datasource_secret(secret, source.name))


def _said(told: Reported, to: Path) -> str:
    lines = [f"{told.written} of {told.rows} rows are in {to}, which only you may read."]
    if told.without:
        lines.append(f"{told.without} of them have an empty result: an input is missing.")
    if told.elsewhere:
        lines.append(f"{told.elsewhere} results are of datapoints that the source does not have now.")
    return "\n".join(lines)
