"""`podium hub`: start, invite, status."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from podium.cli._frame import JsonFlag, emit
from podium.config import HUB_PORT

app = typer.Typer(help="Run a hub and let people in.", no_args_is_help=True)
Url = Annotated[str, typer.Option("--hub", metavar="URL", help="The hub; the one of this PODIUM_HOME when left out.")]


@app.command()
def start(
    host: Annotated[str, typer.Option(help="Address to listen on; beyond this machine it wants TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; where it is taken, the next free one (0: any).")] = HUB_PORT,
    db: Annotated[str, typer.Option(metavar="URL", help="SQLAlchemy URL; else PODIUM_HUB_DB, else SQLite.")] = "",
    tls_cert: Annotated[str, typer.Option(metavar="FILE", help="Certificate chain in PEM.")] = "",
    tls_key: Annotated[str, typer.Option(metavar="FILE", help="Its private key in PEM.")] = "",
    lifeline: Annotated[bool, typer.Option("--lifeline", help="End when standard input does.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Run the hub in this terminal."""
    options = {"--host": host, "--port": str(port), "--db": db, "--tls-cert": tls_cert, "--tls-key": tls_key}
    given = [part for option, value in options.items() if value for part in (option, value)]
    flags = [flag for flag, on in (("--lifeline", lifeline), ("--json", as_json)) if on]
    # The hub takes this process over, without the command line's libraries in its memory.
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-P", "-m", "podium.hub", *given, *flags])  # noqa: S606


@app.command()
def invite(
    owner: Annotated[str, typer.Argument(help="Who may enrol with the code.")],
    hours: Annotated[int, typer.Option(min=1, max=720, help="How long the code is good.")] = 24,
    as_json: JsonFlag = False,
) -> None:
    """Make a one-time enrolment code. Run it where the hub runs."""
    from podium.errors import ConfigError, HubError
    from podium.names import check_name
    from podium.wire.credentials import admin_key, local_hub
    from podium.wire.hub import HubClient

    try:
        check_name(owner, "owner")
    except ValueError as error:
        raise ConfigError(
            f"{error}.", field="OWNER", remedy="It becomes the first half of the identifiers of that person's pods."
        ) from None
    url, key = str(local_hub().get("url", "")), admin_key()
    if not url or not key:  # the admin key goes to the hub it belongs to, and to no other
        remedy = "Run this where the hub runs, with the PODIUM_HOME it was started with."
        raise HubError("no hub runs from this PODIUM_HOME.", remedy=remedy, code="no_hub_here")
    with HubClient(url) as client:
        code = client.invite(owner, admin_key=key, hours=hours)
    said = {"owner": owner, "code": code, "hours": hours, "hub": url}
    emit(said, as_json=as_json, human=f"{code}\nGood once, for {owner}, {hours} h, at {url}.")


@app.command()
def status(hub: Url = "", as_json: JsonFlag = False) -> None:
    """Say whether the hub answers and, where it runs from this PODIUM_HOME, what went through it."""
    from podium.config import Settings, check_address
    from podium.errors import ConfigError
    from podium.wire.credentials import admin_key, local_hub
    from podium.wire.hub import HubClient

    known = local_hub()
    try:
        url = check_address(hub or str(known.get("url", "")) or Settings().hub_url)
    except ValueError as error:
        raise ConfigError(f"{error}.", field="--hub", remedy="The operator's `podium hub start` says it.") from None
    with HubClient(url) as client:
        found = client.health()
        key = admin_key() if known.get("url") == url else ""
        counters: dict[str, Any] = dict(client.counters(admin_key=key)) if key else {}
    said: dict[str, Any] = {"url": url, **found, "pid": known.get("pid") if known.get("url") == url else None, **counters}
    human = [f"The hub at {url} is {found['status']} (version {found['version']}, id {found['hub']})."]
    if counters:
        messages, pods = counters["messages"], counters["pods"]
        human.append("Messages: " + ", ".join(f"{number} {kind}" for kind, number in messages.items()) + ".")
        human.append(f"People: {counters['people']}. Pods: {pods['registered']}, {pods['online']} of them online.")
    emit(said, as_json=as_json, human="\n".join(human))
