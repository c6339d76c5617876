"""`podium pod drift`: what has changed in the data that pods serve, and the custodian's word that it is right."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from podium.cli._frame import JsonFlag, emit
from podium.cli._pods import Which
from podium.text import printable

if TYPE_CHECKING:
    from podium.config import PodConfig

ALOUD = "This shows categories and exact counts from the data. They are for you alone."


def drift(
    pod: Which = "",
    accept: Annotated[str, typer.Option(metavar="NAME", help="Take this datasource as it is now: tasks on it go on.")] = "",
    full: Annotated[bool, typer.Option("--full", help="Exact counts, and the categories that are new or gone: for you alone.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """What has changed in the data since their last full schema, or since the last one that was accepted. The pod may be at work."""
    from podium.cli._pods import pods_meant
    from podium.errors import ConfigError
    from podium.plugin import nearest

    pods = [_Pod(name) for name in pods_meant(pod)]
    if accept:
        having = [one for one in pods if accept in one.names]
        if not having:
            known = sorted({name for one in pods for name in one.names})
            raise ConfigError(f"no pod that is meant has a datasource {accept!r}.", field="--accept", remedy=nearest(accept, known))
        if len(having) > 1:
            raise ConfigError(f"{len(having)} pods have a datasource {accept!r}.", field="POD", remedy="Name one of them.")
        having[0].accept(accept)
        pods = having
    if full:
        typer.echo(ALOUD, err=True)
    found = [one.found(name, full=full) for one in pods for name in one.names if not accept or name == accept]
    said = [f"{accept} is accepted as it is now: tasks on it go on."] if accept else []
    emit(found, as_json=as_json, human="\n".join([*said, *map(_described, found)]) or "No pod was started here.")


class _Pod:
    """The pod's configuration and what its database keeps of changes."""

    def __init__(self, name: str) -> None:
        from podium import project
        from podium.config import saved_pod

        self.config: PodConfig = saved_pod(name)
        database = project.load("schemas.stores").PodDatabase.of(folder=self.config.folder, url=self.config.history.url, pod=name)
        self.changes: Any = project.load("schemas.changes").ChangeStore(database)

    @property
    def names(self) -> list[str]:
        return [str(fields["name"]) for fields in self.config.datasources]

    def accept(self, name: str) -> None:
        from podium.state import StateFile

        self.changes.accept(name, now=int(time.time()))
        StateFile(self.config.folder).drifted(name, "")

    def found(self, name: str, *, full: bool) -> dict[str, Any]:
        """How one datasource stands, and every change that was kept."""
        from podium.datasources import load_source

        (fields,) = [fields for fields in self.config.datasources if fields["name"] == name]
        source = load_source(fields)
        standing = self.changes.standing(name, decided={*source.ignore_columns, *source.force_types})
        found: dict[str, Any] = {"pod": self.config.identifier, "datasource": name, "on_drift": source.on_drift}
        found["kept"] = [one.model_dump(exclude={"body", "datasource"}) for one in self.changes.every(name)]
        if standing is None:
            return {**found, "level": "none", "open": False, "changes": []}
        versions = {"before": standing.before, "after": standing.after, "since": standing.since, "at": standing.at}
        stands = {"level": standing.drift.level, "open": standing.open, **versions}
        return {**found, **stands, "changes": self._changes(standing.drift, full=full)}

    def _changes(self, drift: Any, *, full: bool) -> list[dict[str, Any]]:
        from podium.drift.telling import told

        lines = zip(drift.changes, told(drift, self.config.disclosure), strict=True)
        return [
            {"rule": change.rule, "level": line.level, "column": line.column, "what": line.what, "means": line.means}
            | (change.model_dump(mode="json", exclude={"rule", "level", "column"}, exclude_defaults=True) if full else {})
            for change, line in lines
        ]


def _described(found: dict[str, Any]) -> str:
    name = f"{found['pod']} {found['datasource']}"
    if "since" not in found:
        return f"{name}: nothing to compare with yet"
    tasks = "tasks are refused" if found["on_drift"] == "stop" else "tasks go on"
    stands = f"not accepted, {tasks}" if found["open"] else "nothing waits for you"
    lines = [f"{name}: {found['level']}; {stands} (on_drift: {found['on_drift']})"]
    lines.append(f"  from schema {found['before']} ({_time(found['since'])}) to schema {found['after']} ({_time(found['at'])})")
    for change in found["changes"]:
        lines.append(f"  {change['level']:<5}  {printable(change['column']) or 'the whole'}: {change['what']}; {change['means']}")
        lines += [f"         {word}: {values}" for word, values in _exactly(change) if values]
    if found["open"]:
        lines.append(f"  to accept it: podium pod drift {found['pod']} --accept {found['datasource']}")
    return "\n".join(lines)


def _exactly(change: dict[str, Any]) -> list[tuple[str, str]]:
    """What `--full` adds."""
    counts = f"{change['count_before']} → {change['count_after']}" if "count_before" in change else ""
    return [("exactly", counts), *((word, ", ".join(printable(str(value)) for value in change.get(word, ()))) for word in ("new", "gone"))]


def _time(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
