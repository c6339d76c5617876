"""`podium login`: enrol this PODIUM_HOME's analyst at a hub."""

from __future__ import annotations

from typing import Annotated

import typer

from podium.cli._frame import JsonFlag, emit

app = typer.Typer()


@app.command()
def login(
    url: Annotated[str, typer.Argument(metavar="URL", help="The hub's address.")],
    user: Annotated[str, typer.Option(help="Your name at the hub; the OS user's when left out.")] = "",
    code: Annotated[str, typer.Option(help="Enrolment code from the operator.", envvar="PODIUM_HUB_CODE")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Sign in to a hub. Once is enough: the key it gives is kept in this PODIUM_HOME."""
    import podium

    session = podium.connect(url, user=user or None, code=code or None)
    data = {"hub": session.hub.url, "user": session.user, "fingerprint": session.fingerprint}
    text = f"Signed in to {data['hub']} as {data['user']}.\nYour key, for custodians' grants: {data['fingerprint']}"
    emit(data, as_json=as_json, human=text)
