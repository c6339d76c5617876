"""`podium keys`: the keys of this PODIUM_HOME, as others need to know them."""

from __future__ import annotations

from typing import Annotated

import typer

from podium.cli._frame import JsonFlag, emit

app = typer.Typer(no_args_is_help=True)


@app.command()
def trust(
    pod: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The pod.", show_default=False)],
    fingerprint: Annotated[str, typer.Argument(help="Its fingerprint, which its owner has confirmed to you.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Accept a pod's key from now on. Compare it with the pod's owner first, by another way than the hub."""
    from podium.config import home, split_identifier
    from podium.crypto.trust import TrustStore

    name, fingerprint = "/".join(split_identifier(pod)), fingerprint.replace(" ", "").lower()
    TrustStore(home() / "analyst" / "trust.json").pin(name, fingerprint)
    emit({"pod": name, "fingerprint": fingerprint}, as_json=as_json, human=f"The key of {name} is accepted.")


@app.command()
def show(
    pem: Annotated[bool, typer.Option("--pem", help="Print the custodian's public key as PEM.")] = False, as_json: JsonFlag = False
) -> None:
    """Fingerprints of the analyst's, the custodian's and the pods' keys here. Make the first two where they are missing."""
    from podium.config import home
    from podium.crypto.custodian import custodian_key
    from podium.crypto.keys import RSAKeyPair, pretty, public_pem

    custodian = custodian_key()
    if pem:
        text = public_pem(custodian.public_key).strip()
        emit({"custodian": custodian.fingerprint, "pem": text}, as_json=as_json, human=text)
        return
    found = {"analyst": RSAKeyPair.load_or_create(home() / "analyst" / "identity.pem").fingerprint, "custodian": custodian.fingerprint}
    for path in sorted(home().glob("pods/*/*/keys/identity.pem")):
        found["pod " + "/".join(path.parts[-4:-2])] = RSAKeyPair.load(path).fingerprint
    emit(found, as_json=as_json, human="\n".join(f"{who}\n  {fp}\n  {pretty(fp)}" for who, fp in found.items()))
