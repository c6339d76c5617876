"""A grant: a statement signed by the custodian that says who may ask what, of which columns, until when, how often.

The hub and an access manager can only say no; a yes is a grant. It travels and is stored as the exact bytes that were signed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import Field, ValidationError

from podium.contracts import canonical
from podium.errors import TrustError
from podium.plugin import Frozen

LABEL = b"podium-grant/1\n"
EVERY = "*"


class Grant(Frozen):
    """Times in seconds since 1970. `analyst` is a key's fingerprint; `alias` is what the custodian calls that person.

    An entry of `*` in datasources, protocols, algorithms or columns means every one. `max_runs` of None means no limit.
    """

    v: Literal[1] = 1
    id: str
    pod: str
    analyst: str = Field(pattern=r"^[0-9a-f]{64}$")
    alias: str
    datasources: tuple[str, ...]
    protocols: tuple[str, ...] = ("one_round",)
    algorithms: tuple[str, ...]
    columns: tuple[str, ...]
    not_before: int
    expires: int
    max_runs: int | None = Field(default=None, ge=1)


class SignedGrant(Frozen):
    """The payload as it was signed, the signer's fingerprint and the signature (hex)."""

    payload: str
    custodian: str
    signature: str


def sign_grant(grant: Grant, *, custodian: str, sign: Callable[[bytes], bytes]) -> SignedGrant:
    """`sign` is the custodian's key's; `custodian` its fingerprint."""
    payload = canonical(grant.model_dump(mode="json"))
    return SignedGrant(payload=payload.decode(), custodian=custodian, signature=sign(LABEL + payload).hex())


def open_grant(signed: SignedGrant, *, custodian: str, verify: Callable[[bytes, bytes], None]) -> Grant:
    """The grant, if the expected custodian signed these very bytes. `verify(signature, data)` raises TrustError."""
    if signed.custodian != custodian:
        raise TrustError("this grant is signed by another key than this pod's custodian.", remedy="Create it with the custodian's key.")
    try:
        signature = bytes.fromhex(signed.signature)
    except ValueError:
        raise TrustError("this grant's signature is damaged.", remedy="Create it again.") from None
    verify(signature, LABEL + signed.payload.encode())
    try:
        return Grant.model_validate_json(signed.payload)
    except ValidationError:
        raise TrustError("this grant is signed, but not a grant that this version understands.") from None
