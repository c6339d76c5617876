"""How a pod comes by its API key before it starts: one that is given or kept, or one for a code that a person types in."""

from __future__ import annotations

import getpass
import re
import sys
from pathlib import Path

from podium.config import PodConfig, named_hub
from podium.crypto.keys import RSAKeyPair
from podium.errors import HubError, HubUnavailable, PodRegistrationError
from podium.pod.arguments import JWT, APIKeys
from podium.wire import credentials
from podium.wire.hub import HubClient

_PART = re.compile(r"[A-Za-z0-9]{1,128}")


def sign_in(config: PodConfig, key_file: Path, secrets: APIKeys | JWT | None) -> None:
    """Leave an API key in PODIUM_HOME/credentials.json. Raises HubError or PodRegistrationError when there is none to be had.

    The hub of this PODIUM_HOME needs nothing of the kind, and one that is away is left to the pod's process, which waits for it.
    """
    url, owner = config.hub.url or named_hub(), config.pod.owner
    key = _api_key(secrets)
    if not url:
        if key:
            raise PodRegistrationError("API keys are of one hub.", field="secrets", remedy="Name it: hub=…; without one, leave them out.")
        return
    identity = RSAKeyPair.load_or_create(key_file)
    with HubClient(url) as client:
        try:
            if key:
                credentials.use_key(client, identity, owner, key)
            else:
                _with_code(client, identity, owner)
        except HubUnavailable:
            if key:
                credentials.save_key(client.url, identity.fingerprint, owner=owner, api_key=key)


def _with_code(client: HubClient, identity: RSAKeyPair, owner: str) -> None:
    try:
        credentials.sign_in(client, identity, owner)
    except HubError as error:
        if error.code != credentials.NOT_ENROLLED or not sys.stdin.isatty():
            raise
        code = getpass.getpass(f"{error.message} Code from its operator (podium hub invite {owner}): ").strip()
        if not code:
            raise
        credentials.sign_in(client, identity, owner, code)


def _api_key(secrets: APIKeys | JWT | None) -> str:
    if isinstance(secrets, JWT):
        remedy = "Give podium.APIKeys, or leave it out and enrol with a code: podium hub invite OWNER"
        raise PodRegistrationError("hubs of this version take no JWT.", field="secrets", remedy=remedy, code="not_available")
    if secrets is None:
        return ""
    if not (_PART.fullmatch(secrets.access_key_id) and _PART.fullmatch(secrets.access_key)):
        remedy = "An API key pk_ID_KEY has two parts: APIKeys(access_key_id=ID, access_key=KEY)."
        raise PodRegistrationError("these are not the parts of an API key.", field="secrets", remedy=remedy)
    return f"pk_{secrets.access_key_id}_{secrets.access_key}"
