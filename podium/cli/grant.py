"""`podium grant`: who may ask what, signed with the custodian's key of this PODIUM_HOME."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from podium.cli._frame import JsonFlag, emit

if TYPE_CHECKING:
    from podium.policy.grants import Grant

app = typer.Typer(no_args_is_help=True)
Pod = Annotated[str, typer.Option("--pod", metavar="OWNER/NAME", help="The pod; it must have been started here once.", show_default=False)]


@app.command()
def create(
    pod: Pod,
    analyst: Annotated[str, typer.Option(help="Fingerprint of the analyst's key: `podium keys show` on her side.", show_default=False)],
    alias: Annotated[str, typer.Option(help="What you call her; shown in Prefect.", show_default=False)],
    datasource: Annotated[list[str], typer.Option(help="A datasource; repeat for more.", show_default=False)],
    algorithm: Annotated[list[str], typer.Option(help="An algorithm, such as mean; repeat for more.", show_default=False)],
    column: Annotated[list[str], typer.Option(help="A column that may be read; repeat; '*' for every one.", show_default=False)],
    protocol: Annotated[list[str] | None, typer.Option(help="A protocol; repeat. By default those that carry its algorithms.")] = None,
    days: Annotated[int, typer.Option(min=1, max=3660, help="How long it holds.")] = 30,
    max_runs: Annotated[int, typer.Option(min=0, help="How many runs it allows; 0: no limit.")] = 0,
    approval: Annotated[str, typer.Option(help="none, or every_run: you say yes or no to each task.")] = "none",
    approver: Annotated[str, typer.Option(help="any, or signed: an answer in Prefect's UI does not count.")] = "any",
    as_json: JsonFlag = False,
) -> None:
    """Sign a grant and put it into the pod's database. It counts at once."""
    from podium.crypto.custodian import custodian_key
    from podium.policy.grants import sign_grant

    config, grants = _open(pod)
    now = int(time.time())
    algorithms = _known(algorithm, _kinds("Algorithm"), "algorithm")
    datasources = _known(datasource, [str(s["name"]) for s in config.datasources], "datasource")
    _check_columns(column, _schemas(config, grants, datasources))
    grant = _grant(
        id=secrets.token_hex(8),
        pod=pod,
        analyst=analyst.replace(" ", "").lower(),
        alias=alias,
        datasources=datasources,
        algorithms=algorithms,
        protocols=_known(protocol, _kinds("Protocol"), "protocol") if protocol else _carrying(algorithms),
        columns=tuple(column),
        not_before=now,
        expires=now + days * 86_400,
        max_runs=max_runs or None,
        approval=approval,
        approver=approver,
    )
    key = custodian_key()
    grants.add(grant.id, sign_grant(grant, custodian=key.fingerprint, sign=key.sign), now=now)
    emit(
        grant.model_dump(mode="json"),
        as_json=as_json,
        human=f"Grant {grant.id} for {alias} is in force at {pod} until {_day(grant.expires)}.",
    )


@app.command("list")
def list_(pod: Pod, as_json: JsonFlag = False) -> None:
    """The grants of a pod, and how many runs each has allowed."""
    from podium.policy.grants import Grant

    _, grants = _open(pod)
    found = []
    for signed, record, runs in grants.every():
        grant = Grant.model_validate_json(signed.payload)
        found.append({**grant.model_dump(mode="json"), "runs": runs, "revoked_at": record.revoked_at})

    def show() -> None:
        from rich.console import Console

        from podium.cli._table import lean, stacked

        lists = ("datasources", "algorithms", "columns")
        table = lean("grant", "for", *lists, "runs", "approval", "until", whole=["grant", "approval", "until"])
        for g in found:
            until = f"revoked {_day(g['revoked_at'])}" if g["revoked_at"] else _day(g["expires"])
            runs = f"{g['runs']} of {g['max_runs'] or 'any'}"
            table.add_row(g["id"], g["alias"], *(", ".join(g[k]) for k in lists), stacked(runs), g["approval"], stacked(until))
        Console().print(table if found else f"{pod} has no grants. Make one: podium grant create")

    emit(found, as_json=as_json, human=show)


@app.command()
def revoke(pod: Pod, grant: Annotated[str, typer.Argument(metavar="GRANT")], as_json: JsonFlag = False) -> None:
    """Take a grant back. Runs that wait or are at work are refused too: nothing more is released under it."""
    from podium.errors import ConfigError

    _, grants = _open(pod)
    if not grants.revoke(grant, now=int(time.time())):
        raise ConfigError(f"{pod} has no grant {grant!r}.", field="grant", remedy=f"See: podium grant list --pod {pod}")
    emit({"revoked": grant}, as_json=as_json, human=f"Grant {grant} is revoked.")


def _open(pod: str) -> tuple[Any, Any]:
    from podium import project
    from podium.config import saved_pod

    config = saved_pod(pod)
    stores = project.load("schemas.stores")
    return config, stores.GrantStore(stores.PodDatabase.of(folder=config.folder, url=config.history.url, pod=pod))


def _schemas(config: Any, grants: Any, datasources: tuple[str, ...]) -> list[Any]:
    from podium import project

    names = [str(s["name"]) for s in config.datasources] if "*" in datasources else datasources
    schemas = project.load("schemas.stores").SchemaStore(grants.database)
    return [schemas.latest(name) for name in names]


def _check_columns(given: list[str], schemas: list[Any]) -> None:
    """A column that no datasource has would be a refusal later on. Where a schema is not yet known, anything goes."""
    if all(schemas):
        _known(given, sorted({name for schema in schemas for name in schema.names}), "column")


def _grant(**fields: Any) -> Grant:
    from pydantic import ValidationError

    from podium.plugin import config_error
    from podium.policy.grants import Grant

    try:
        return Grant(**fields)
    except ValidationError as error:
        found = config_error(error, Grant)
        if found.field == "analyst":
            found.message = "a fingerprint is 64 characters of 0-9 and a-f."
            found.remedy = "podium login shows it to the analyst, and podium keys show."
        raise found from None


def _kinds(family: str) -> list[str]:
    from podium.algorithms import Algorithm
    from podium.protocols import Protocol

    return (Algorithm if family == "Algorithm" else Protocol).kinds()


def _carrying(algorithms: tuple[str, ...]) -> tuple[str, ...]:
    """The protocols that these algorithms are commonly asked with."""
    from podium.algorithms import Algorithm
    from podium.protocols import usual

    kinds = Algorithm.kinds() if "*" in algorithms else algorithms
    return tuple(sorted({usual(Algorithm.of(kind)) for kind in kinds}))


def _known(given: list[str], known: list[str], what: str) -> tuple[str, ...]:
    from podium.errors import ConfigError
    from podium.plugin import nearest
    from podium.text import shortened

    for name in given:
        if name != "*" and name not in known:
            raise ConfigError(f"there is no {what} {shortened(repr(name))}.", field=f"--{what}", remedy=nearest(name, known))
    return tuple(given)


def _day(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))
