"""`podium pod history --datapoint`: which results used a datapoint. The pod's own secret makes its key: for the custodian alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podium.cli._history_key import FIELD, copies_of, keys_of
from podium.cli._history_runs import SHORT, console_, time_
from podium.cli._table import lean
from podium.text import printable

if TYPE_CHECKING:
    from podium.cli._history_readers import Readers
    from podium.config import PodConfig
    from podium.datasources import Datasource


def look_up(readers: Readers, text: str, *, datasource: str) -> list[dict[str, Any]]:
    """For each question that knows the datapoint: when, in which versions and in which runs it was used, and how it stands."""
    found = []
    for pod in _having(readers, datasource):
        reader, config = readers.of(pod), readers.configs[pod]
        source = source_of(config, datasource or _only(readers))
        for copy, key in enumerate(keys(text, source=source, config=config, reader=reader), start=1):
            numbered = {} if source.key else {"copy": copy}
            for one in reader.uses(source.name, key):
                given = reader.result(one["no"], key, secret=secret_of(config))
                found.append({"pod": pod, **numbered, **one, **given})
    return found


def keys(text: str, *, source: Datasource, config: PodConfig, reader: Any) -> list[bytes]:
    """The keys that the datapoint goes by in that pod's history. Raises ConfigError."""
    from podium.history.secret import datasource_secret

    secret = datasource_secret(secret_of(config), source.name)
    named = keys_of(text, source=source, schemas=reader.schemas(source.name), secret=secret)
    if source.key:
        return named
    return [each for key in named for each in copies_of(key, secret=secret, known=lambda key: reader.known(source.name, key))]


def source_of(config: PodConfig, name: str) -> Datasource:
    """The datasource of that name. Raises ConfigError where the pod does not have it now."""
    from podium.datasources import load_source
    from podium.errors import ConfigError
    from podium.plugin import nearest

    names = [str(fields["name"]) for fields in config.datasources]
    for fields in config.datasources:
        if fields["name"] == name:
            return load_source(fields)
    raise ConfigError(f"pod {config.identifier} has no datasource {name!r}.", field="--datasource", remedy=nearest(name, names))


def _having(readers: Readers, datasource: str) -> list[str]:
    from podium.errors import ConfigError
    from podium.plugin import nearest

    named = {pod: [str(fields["name"]) for fields in config.datasources] for pod, config in readers.configs.items()}
    wanted = datasource or _only(readers)
    having = [pod for pod, names in named.items() if wanted in names]
    if not having:
        known = sorted({name for names in named.values() for name in names})
        raise ConfigError(f"no pod that is meant has a datasource {wanted!r}.", field="--datasource", remedy=nearest(wanted, known))
    return having


def _only(readers: Readers) -> str:
    """The datasource that is meant where none is named: the only one there is."""
    from podium.errors import ConfigError

    names = sorted({str(fields["name"]) for config in readers.configs.values() for fields in config.datasources})
    if len(names) != 1:
        raise ConfigError(
            "say which datasource the datapoint is of.", field="--datasource", remedy=f"One of: {', '.join(names) or 'none here'}"
        )
    return names[0]


def secret_of(config: PodConfig, field: str = FIELD) -> bytes:
    """The pod's secret. Raises ConfigError where it is not there."""
    from podium.errors import ConfigError
    from podium.history.secret import pod_secret

    path = config.folder / "keys" / "history.key"
    if not path.is_file():  # a new one would know nothing
        raise ConfigError("the pod's secret is not there, and digests cannot be made.", field=field, remedy=f"Restore {path}.")
    return pod_secret(path)


def show(found: list[dict[str, Any]]) -> None:
    """For a person."""
    console = console_()
    if not found:
        console.print("No result used this datapoint, and no question knows it.")
    for one in found:
        copy = f", copy {one['copy']}" if one.get("copy", 1) > 1 else ""
        title = f"Question {one['no']} at {one['pod']}: {one['algorithm']} of {one['datasource']}{copy}"
        console.print(printable(title))
        stands = f"{one['now']} ({one['rule']})" if one["rule"] else one["now"]
        lines = {
            "now": stands,
            "used first": time_(one["first_used_at"]),
            "versions": ", ".join(one["versions"]) or "none was used",
        }
        if "result" in one:
            lines["result"] = "none: an input is missing" if one["result"] is None else repr(one["result"])
        for name, value in lines.items():
            console.print(printable(f"  {name:<13} {value}"), soft_wrap=True)
        _show_runs(one["used_in"])
    if any(one["used_in"] for one in found):
        console.print("What left in a run: podium pod history --run ID")


def _show_runs(runs: list[dict[str, Any]]) -> None:
    if not runs:
        return
    table = lean("run", "status", "asked by", "used as", "version", "what left", "when", whole=["run", "version"])
    for run in runs:
        left = f"figures of {run['rows_released']:,} rows" if run["rows_released"] else "nothing"
        cells = [run["id"][:SHORT], run["status"], run["alias"] or run["analyst"][:SHORT] or "-", run["how"], run["version"], left]
        table.add_row(*(printable(str(cell)) for cell in cells), time_(run["finished_at"]))
    console_().print(table)
