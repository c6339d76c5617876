"""Invites, enrolment and identities: how a key becomes known to the hub.

- A code is good once, for one owner, until it expires; only its digest is stored.
- Whoever enrols proves that she holds the private key, by a signature over the code.
- A code is spent only by an enrolment that succeeds. All the ways a code can be bad get one answer.
- A public key belongs to one owner for good; enrolling it again gives it another API key.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update
from sqlmodel import col

from podium.crypto.keys import fingerprint, load_public, public_pem, verify
from podium.errors import PodiumError
from podium.hub.auth import digest, new_key
from podium.hub.refusal import Refused
from podium.hub.settings import KEY_SECONDS
from podium.hub.tables import ApiKey, Identity, Invite
from podium.wire.calls import ENROL


@dataclass(frozen=True)
class Proven:
    """A public key whose holder signed `code`."""

    code: str
    owner: str
    fingerprint: str
    public_key: str


def invite(db: Connection, *, owner: str, expires: int) -> str:
    """A new one-time code of 160 bits for this owner."""
    code = secrets.token_hex(20)
    db.execute(insert(Invite).values(code_sha256=digest(code), owner=owner, expires=expires, used_at=None))
    return code


def prove(*, code: str, owner: str, public_key: str, signature: str) -> Proven:
    """Check that whoever sent the code holds the private key. Raises Refused. Touches no database."""
    try:
        public = load_public(public_key)
        verify(public, base64.b64decode(signature, validate=True), ENROL + code.encode())
    except (PodiumError, binascii.Error, ValueError):
        raise Refused(403, "bad_signature", "The signature over the code was not made by this key.") from None
    return Proven(code, owner, fingerprint(public), public_pem(public))


def enrol(db: Connection, proven: Proven, *, now: int) -> tuple[str, str]:
    """Spend the code and return (key id, API key). Raises Refused; the code is then as it was."""
    spent = db.execute(
        update(Invite)
        .where(col(Invite.code_sha256) == digest(proven.code), col(Invite.owner) == proven.owner)
        .where(col(Invite.used_at).is_(None), col(Invite.expires) > now)
        .values(used_at=now)
    )
    if spent.rowcount != 1:
        raise Refused(403, "bad_code", "This code is not valid for this owner.", remedy="Ask the operator for one: podium hub invite OWNER")
    known = db.scalar(select(col(Identity.owner)).where(col(Identity.fingerprint) == proven.fingerprint))
    if known is None:
        db.execute(insert(Identity).values(fingerprint=proven.fingerprint, owner=proven.owner, public_key=proven.public_key))
    elif known != proven.owner:
        raise Refused(409, "key_taken", "This key is enrolled for another owner.", remedy="Use another identity key.")
    key_id, secret_sha256, api_key = new_key()
    expires = now + KEY_SECONDS
    db.execute(insert(ApiKey).values(id=key_id, secret_sha256=secret_sha256, fingerprint=proven.fingerprint, expires=expires))
    return key_id, api_key


def identity(db: Connection, key: str) -> dict[str, str]:
    """The identity with this fingerprint. Raises Refused."""
    row = db.execute(select(Identity).where(col(Identity.fingerprint) == key)).one_or_none()
    if row is None:
        raise Refused(404, "unknown_identity", "No such identity has enrolled.")
    return {"fingerprint": row.fingerprint, "owner": row.owner, "public_key": row.public_key}
