"""A statement: words that somebody signed, kept and sent as the exact bytes that were signed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from podium.contracts import canonical
from podium.errors import TrustError
from podium.plugin import Frozen

Words = TypeVar("Words", bound=Frozen)


class Signed(Frozen):
    """The payload as it was signed, the signer's fingerprint and the signature (hex)."""

    payload: str
    custodian: str
    signature: str


def sign_words(words: Frozen, *, label: bytes, custodian: str, sign: Callable[[bytes], bytes]) -> Signed:
    """These words signed. The label keeps one kind of statement from passing for another."""
    payload = canonical(words.model_dump(mode="json"))
    return Signed(payload=payload.decode(), custodian=custodian, signature=sign(label + payload).hex())


def open_words(
    signed: Signed, kind: type[Words], *, what: str, label: bytes, custodian: str, verify: Callable[[bytes, bytes], None]
) -> Words:
    """The words, if the expected custodian signed these very bytes. `verify(signature, data)` raises TrustError."""
    if signed.custodian != custodian:
        raise TrustError(f"this {what} is signed by another key than this pod's custodian.", remedy="Create it with the custodian's key.")
    try:
        signature = bytes.fromhex(signed.signature)
    except ValueError:
        raise TrustError(f"this {what}'s signature is damaged.", remedy="Create it again.") from None
    verify(signature, label + signed.payload.encode())
    try:
        return kind.model_validate_json(signed.payload)
    except ValidationError:
        raise TrustError(f"this {what} is signed, but not one that this version understands.") from None
