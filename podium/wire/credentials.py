"""API keys on disk, and signing in: how an identity comes by one.

PODIUM_HOME/credentials.json, mode 0600: {hub url: {fingerprint: {"owner", "api_key"}}}.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from podium.config import Settings, home
from podium.crypto.keys import RSAKeyPair
from podium.errors import ConfigError, HubError
from podium.files import private_opener, read_private, write_private
from podium.wire.hub import HubClient

NOT_ENROLLED = "not_enrolled"


def sign_in(client: HubClient, identity: RSAKeyPair, owner: str, code: str = "") -> str:
    """An API key for this identity; the client uses it from now on. Raises HubError with the remedy when there is no way to get one.

    The saved key, if the hub still takes it; else one enrolled with `code`, PODIUM_HUB_CODE, or, where the hub itself belongs to
    this PODIUM_HOME, an invite made on the spot.
    """
    client.api_key = saved_key(client.url, identity.fingerprint, owner=owner)
    if client.api_key and _still_good(client, identity.fingerprint):
        return client.api_key
    client.api_key = ""
    code = code or Settings().hub_code or _own_invite(client, owner)
    if not code:
        remedy = f"Ask the operator for a code: podium hub invite {owner}"
        raise HubError(f"{owner} has not enrolled at {client.url}.", remedy=remedy, code=NOT_ENROLLED)
    client.api_key = client.enrol(code, owner=owner, identity=identity)["api_key"]
    save_key(client.url, identity.fingerprint, owner=owner, api_key=client.api_key)
    return client.api_key


def use_key(client: HubClient, identity: RSAKeyPair, owner: str, api_key: str) -> None:
    """Use and keep an API key that was given. Raises HubError where the hub does not take it from this identity."""
    client.api_key = api_key
    if not _still_good(client, identity.fingerprint):
        remedy = "It must be the one that this very identity key enrolled for (pod_keys), at this hub, within its 90 days."
        raise HubError(f"{client.url} does not take this API key.", field="secrets", remedy=remedy, code="unauthorized")
    save_key(client.url, identity.fingerprint, owner=owner, api_key=api_key)


def saved_key(url: str, fingerprint: str, *, owner: str) -> str:
    """The API key kept for this hub, identity and owner; empty when there is none."""
    entry = _load().get(url, {}).get(fingerprint, {})
    return str(entry.get("api_key", "")) if entry.get("owner") == owner else ""


def saved_owner(url: str, fingerprint: str) -> str:
    """The name this identity has enrolled under at this hub; empty when it has not."""
    return str(_load().get(url, {}).get(fingerprint, {}).get("owner", ""))


def save_key(url: str, fingerprint: str, *, owner: str, api_key: str) -> None:
    """Keep an API key. Two processes may do so at once."""
    with _locked():
        known = _load()
        known.setdefault(url, {})[fingerprint] = {"owner": owner, "api_key": api_key}
        write_private(_path(), json.dumps(known, indent=1))


def local_hub() -> dict[str, Any]:
    """`{"url", "pid"}` of the hub that runs from this PODIUM_HOME, or nothing."""
    try:
        return dict(json.loads((home() / "hub" / "hub.json").read_bytes()))
    except (OSError, ValueError):
        return {}


def admin_key() -> str:
    """The admin key of this PODIUM_HOME's hub; empty when there is none here."""
    try:
        return read_private(home() / "hub" / "admin.key").decode().strip()
    except OSError:
        return ""


def _still_good(client: HubClient, fingerprint: str) -> bool:
    try:
        client.identity(fingerprint)
    except HubError as error:
        if error.code in ("unauthorized", "key_expired", "unknown_identity"):
            return False
        raise
    return True


def _own_invite(client: HubClient, owner: str) -> str:
    key = admin_key() if local_hub().get("url") == client.url else ""
    return client.invite(owner, admin_key=key, hours=1) if key else ""


def _path() -> Path:
    return home() / "credentials.json"


def _load() -> dict[str, Any]:
    if not _path().exists():
        return {}
    try:
        return dict(json.loads(read_private(_path())))
    except ValueError:
        raise ConfigError(f"{_path()} is not JSON.", field="credentials.json", remedy="Delete it and sign in again.") from None


@contextmanager
def _locked() -> Iterator[None]:
    with open(home() / "credentials.lock", "w", opener=private_opener) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
