"""Who is calling. Keys are looked up by id and compared by the digest of their secret, in constant time.

- An API key is `pk_ID_SECRET`; the database holds the id and SHA-256 of the secret.
- An unknown id is compared as well, with a digest nobody has a secret for, and gets the same answer as a wrong secret.
- A key that was found stays known for five minutes, so that a pod that polls costs few queries.
- The admin key opens two doors, making invites and reading the counters, and no other.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlmodel import col

from podium.hub.refusal import Refused, unauthorized
from podium.hub.store import Store
from podium.hub.tables import ApiKey, Identity

CACHE_SECONDS, CACHE_KEYS = 300.0, 20_000


@dataclass(frozen=True, slots=True)
class Caller:
    """The identity behind a valid API key."""

    fingerprint: str
    owner: str
    public_key: str


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    secret_sha256: str
    expires: int
    looked_up: float


def digest(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def bearer(header: str) -> str:
    """The token of an Authorization header, or nothing."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def new_key() -> tuple[str, str, str]:
    """(id, digest of the secret, the whole key as its holder gets it)."""
    key_id, secret = secrets.token_hex(8), secrets.token_hex(32)
    return key_id, digest(secret), f"pk_{key_id}_{secret}"


class Doorkeeper:
    """Checks API keys and the admin key."""

    def __init__(self, store: Store, *, admin_sha256: str, clock: Callable[[], float]) -> None:
        self._store, self._admin, self._clock = store, admin_sha256, clock
        self._known: dict[str, _Known] = {}

    def admin(self, header: str) -> None:
        """Raises Refused unless the header carries the admin key."""
        if not hmac.compare_digest(digest(bearer(header)), self._admin):
            raise Refused(401, "unauthorized", "This needs the hub's admin key.", remedy="It is in PODIUM_HOME/hub/admin.key.")

    async def caller(self, header: str) -> Caller:
        """The holder of the API key in the header. Raises Refused."""
        prefix, _, rest = bearer(header).partition("_")
        key_id, _, secret = rest.partition("_")
        known = await self._find(key_id) if prefix == "pk" else None
        right = hmac.compare_digest(digest(secret), known.secret_sha256 if known else _NOBODY)
        if known is None or not right:
            raise unauthorized()
        if known.expires <= self._clock():
            raise Refused(401, "key_expired", "This API key has expired.", remedy="Ask the operator for a code: podium hub invite OWNER")
        return known.caller

    async def _find(self, key_id: str) -> _Known | None:
        known, now = self._known.get(key_id), self._clock()
        if known is None or known.looked_up + CACHE_SECONDS < now:
            known = await self._store.run(lambda db: _look_up(db, key_id, now))
            if known is not None:
                if len(self._known) >= CACHE_KEYS:
                    self._known.clear()
                self._known[key_id] = known
            else:
                self._known.pop(key_id, None)
        return known


_NOBODY = digest(secrets.token_hex(32))


def _look_up(db: Connection, key_id: str, now: float) -> _Known | None:
    secret = (col(ApiKey.secret_sha256), col(ApiKey.expires))
    holder = (col(Identity.fingerprint), col(Identity.owner), col(Identity.public_key))
    query = select(*holder, *secret).join(ApiKey, col(ApiKey.fingerprint) == col(Identity.fingerprint))
    row = db.execute(query.where(col(ApiKey.id) == key_id)).one_or_none()
    if row is None:
        return None
    return _Known(Caller(row.fingerprint, row.owner, row.public_key), row.secret_sha256, row.expires, now)
