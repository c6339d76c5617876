"""The readable part of a sealed message: who writes to whom, about which task, until when. Nothing of the question is in it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from podium.crypto import strict_json
from podium.errors import MessageRefused
from podium.names import NAME
from podium.plugin import Frozen

MAX_HEADER = 4 * 1024
CLOCK_SKEW = 300
MAX_LIFE = 7 * 86_400

MessageType = Literal["task", "accept", "reject", "result", "share", "key", "cancel", "ack"]
_NAME = NAME.pattern
Id = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
Fingerprint = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Address = Annotated[str, Field(pattern=f"^{_NAME}(/{_NAME})?$")]
Seconds = Annotated[int, Field(ge=0, lt=2**53)]


class Header(Frozen):
    """The header of envelope v1, field by field as it stands in the JSON (`from` is `from_` in Python).

    `re` is `MID.SHA256` of the message answered; `reply_key` the X25519 key, in base64, that the answers are sealed to.
    """

    model_config = ConfigDict(strict=True, populate_by_name=True)

    v: Literal[1]
    suite: Literal[1]
    typ: MessageType
    mid: Id
    task: Id
    run: Annotated[str, Field(pattern="^([0-9a-f]{32})?$")]
    seq: Annotated[int, Field(ge=1, lt=2**31)]
    iat: Seconds
    exp: Seconds
    from_: Address = Field(alias="from")
    from_key: Fingerprint
    to: Address
    to_key: Fingerprint
    re: Annotated[str, Field(pattern=r"^([0-9a-f]{32}\.[0-9a-f]{64})?$")]
    reply_key: Annotated[str, Field(pattern="^([A-Za-z0-9+/]{43}=)?$")]
    blob: Literal[""]

    @model_validator(mode="after")
    def _shape(self) -> Self:
        if ".." in self.from_ or ".." in self.to:
            raise ValueError("an address must not contain '..'")
        if self.typ == "task" and (self.run or self.re or not self.reply_key):
            raise ValueError("a task begins an exchange: no run, no re, and a reply key")
        if self.typ != "task" and not self.run:
            raise ValueError("only a task has no run")
        return self

    def encode(self) -> bytes:
        """The header's bytes for a new message. A received header is never encoded again: its own bytes are verified."""
        return self.model_dump_json(by_alias=True).encode()


def parse_header(raw: bytes) -> Header:
    """The header written in `raw`. Raises MessageRefused("header")."""
    if len(raw) > MAX_HEADER:
        raise MessageRefused("header", "the header is too long")
    try:
        fields = strict_json.read(raw, floats=False, depth=1)
        return Header.model_validate(fields, by_alias=True, by_name=False)
    except ValidationError:
        raise MessageRefused("header", "a field is missing, unknown or malformed") from None
    except ValueError as error:
        raise MessageRefused("header", str(error)) from None
