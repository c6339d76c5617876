"""A grant: a statement signed by the custodian that says who may ask what, of which columns, until when, how often.

The hub and an access manager can only say no; a yes is a grant. It travels and is stored as the exact bytes that were signed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import Field

from podium.plugin import Frozen
from podium.policy.statement import Signed, open_words, sign_words

LABEL = b"podium-grant/1\n"
EVERY = "*"


class Grant(Frozen):
    """Times in seconds since 1970. `analyst` is a key's fingerprint; `alias` is what the custodian calls that person.

    An entry of `*` in datasources, protocols, algorithms or columns means every one. `max_runs` of None means no limit.

    With `approval` of `every_run` the grant is not yet a yes: a custodian says yes or no to each task. `approver` of `signed` wants her
    signature under it; else whoever may use Prefect may say it too.
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
    approval: Literal["none", "every_run"] = "none"
    approver: Literal["any", "signed"] = "any"


SignedGrant = Signed


def sign_grant(grant: Grant, *, custodian: str, sign: Callable[[bytes], bytes]) -> SignedGrant:
    """`sign` is the custodian's key's; `custodian` its fingerprint."""
    return sign_words(grant, label=LABEL, custodian=custodian, sign=sign)


def open_grant(signed: SignedGrant, *, custodian: str, verify: Callable[[bytes, bytes], None]) -> Grant:
    """The grant, if the expected custodian signed these very bytes. `verify(signature, data)` raises TrustError."""
    return open_words(signed, Grant, what="grant", label=LABEL, custodian=custodian, verify=verify)
