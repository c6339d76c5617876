"""The sealed message: a readable header, a body for one reader, and the writer's signature over both.

Frame: `PODM`, the byte 1, then header, sealed body and signature, each after its length in four bytes. The body is HPKE-encrypted
with `info` = "podenv/1" + SHA-256(header); the signature covers a label, SHA-256(header) and SHA-256(sealed body), over the bytes
as they were received. `open_sealed` goes by these rules, in this order, and the first that is broken is the refusal's `rule`:

 1. `too_large`       the whole is at most 256 KiB.
 2. `frame`           magic, version and the three lengths fit the bytes exactly; nothing follows.
 3. `header`          flat JSON of whole numbers and strings, at most 4 KiB, no key twice, every field known and well formed.
 4. `unknown_sender`  the reader knows the identity key that `from_key` names.
 5. `signature`       that key signed this header and this sealed body.
 6. `recipient`       `to` is the reader.
 7. `key_retired`     the reader still holds the encryption key that `to_key` names.
 8. `clock`           iat <= now + 300 s, exp > now - 300 s, and 0 < exp - iat <= 7 days.
 9. `replay`          (sender, mid) was not claimed before, or by this same run: a restarted run may open its message again.
10. `sequence`        `seq` follows what this sender sent about this task.
11. `reply_to`        `re` answers an exchange that the reader has open; without one it must be empty.
12. `body`            the sealed body opens with that key under this header.

Nothing is remembered before the signature holds, so a stranger cannot use up anyone's identifiers. Outside, every refusal looks
the same; `rule` is for the reader's own log. Whether `from` and `from_key` belong together is the reader's `identity_of` or trust
store to say: the header only claims it.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from podium.crypto import hpke, strict_json
from podium.crypto.encryption import EncryptionKey, key_fingerprint
from podium.crypto.header import CLOCK_SKEW, MAX_LIFE, Header, MessageType, parse_header
from podium.crypto.keys import PublicKey, RSAKeyPair, fingerprint, verify
from podium.crypto.replay import ReplayStore
from podium.errors import MessageRefused, TrustError

MAX_MESSAGE = 256 * 1024
Model = TypeVar("Model", bound=BaseModel)
_MAGIC = b"PODM\x01"
_INFO, _LABEL = b"podenv/1", b"podenv/1 signature\n"


@dataclass(frozen=True)
class Opened:
    """A message that kept every rule. `digest` is the hex SHA-256 of the whole message as received."""

    header: Header
    body: bytes
    digest: str

    @property
    def reference(self) -> str:
        """What an answer puts in `re`."""
        return f"{self.header.mid}.{self.digest}"


def new_id() -> str:
    """128 random bits in hex: a message or task identifier."""
    return secrets.token_hex(16)


def run_id(raw: bytes) -> str:
    """The run that a sealed task message starts: both sides can compute it."""
    return hashlib.sha256(raw).hexdigest()[:32]


def reference(mid: str, raw: bytes) -> str:
    """What an answer to this message puts in `re`."""
    return f"{mid}.{hashlib.sha256(raw).hexdigest()}"


def seal(
    *,
    typ: MessageType,
    mid: str,
    task: str,
    sender: str,
    to: str,
    iat: int,
    exp: int,
    body: bytes,
    recipient: bytes,
    identity: RSAKeyPair,
    run: str = "",
    seq: int = 1,
    re: str = "",
    reply_key: str = "",
) -> bytes:
    """A message from `sender` to `to`, for the holder of the raw X25519 key `recipient`, signed by `identity`.

    Raises TrustError for a recipient key that cannot be used, MessageRefused("too_large" | "header") for what no reader would take.
    """
    try:
        header = Header(
            v=1, suite=1, typ=typ, mid=mid, task=task, run=run, seq=seq, iat=iat, exp=exp, from_=sender, from_key=identity.fingerprint,
            to=to, to_key=key_fingerprint(recipient), re=re, reply_key=reply_key, blob="",
        ).encode()  # fmt: skip
    except ValidationError as error:
        raise MessageRefused("header", f"{error.errors()[0]['loc']} is malformed") from None
    try:
        sealed = hpke.encrypt(body, public=recipient, info=_info(header))
    except ValueError:
        raise TrustError("the recipient's encryption key cannot be used.") from None
    signature = identity.sign(_to_sign(header, sealed))
    raw = _MAGIC + b"".join(struct.pack(">I", len(part)) + part for part in (header, sealed, signature))
    if len(raw) > MAX_MESSAGE:
        raise MessageRefused("too_large", f"a message holds at most {MAX_MESSAGE} bytes")
    return raw


def peek(raw: bytes) -> Header:
    """The header, by rules 1 to 3 only: nobody's word is checked. Raises MessageRefused."""
    return parse_header(_split(raw)[0])


def open_sealed(
    raw: bytes,
    *,
    me: str,
    identity_of: Callable[[str], PublicKey | None],
    key_of: Callable[[str], EncryptionKey | None],
    replay: ReplayStore,
    exchange: Callable[[Header], bool] | None,
    now: int,
    run: str,
) -> Opened:
    """Read a message by the rules above. `run` names the reader to the replay store. Raises MessageRefused with the broken rule."""
    header_bytes, sealed, signature = _split(raw)
    header = parse_header(header_bytes)
    _check_signature(header, identity_of, signature, _to_sign(header_bytes, sealed))
    if header.to != me:
        raise MessageRefused("recipient")
    key = key_of(header.to_key)
    if key is None or key.fingerprint != header.to_key:
        raise MessageRefused("key_retired")
    if not (header.iat <= now + CLOCK_SKEW and header.exp > now - CLOCK_SKEW and 0 < header.exp - header.iat <= MAX_LIFE):
        raise MessageRefused("clock")
    broken = replay.claim(sender=header.from_key, mid=header.mid, task=header.task, seq=header.seq, expires=header.exp, run=run)
    if broken:
        raise MessageRefused(broken)
    if not (exchange(header) if exchange else header.re == ""):
        raise MessageRefused("reply_to")
    try:
        body = hpke.decrypt(sealed, private=key.private, info=_info(header_bytes))
    except ValueError:
        raise MessageRefused("body") from None
    return Opened(header, body, hashlib.sha256(raw).hexdigest())


def read_body(body: bytes, model: type[Model]) -> Model:
    """The body as a `model`. Raises MessageRefused("body") for loose JSON or a wrong shape."""
    try:
        strict_json.read(body)
        return model.model_validate_json(body)
    except ValueError:
        raise MessageRefused("body") from None


def _check_signature(header: Header, identity_of: Callable[[str], PublicKey | None], signature: bytes, signed: bytes) -> None:
    try:
        public = identity_of(header.from_key)
    except TrustError:
        public = None
    if public is None or fingerprint(public) != header.from_key:
        raise MessageRefused("unknown_sender")
    try:
        verify(public, signature, signed)
    except TrustError:
        raise MessageRefused("signature") from None


def _split(raw: bytes) -> tuple[bytes, bytes, bytes]:
    if len(raw) > MAX_MESSAGE:
        raise MessageRefused("too_large")
    if not raw.startswith(_MAGIC):
        raise MessageRefused("frame")
    parts, at = [], len(_MAGIC)
    for _ in range(3):
        if len(raw) < at + 4:
            raise MessageRefused("frame")
        (length,) = struct.unpack_from(">I", raw, at)
        at += 4 + length
        if at > len(raw):
            raise MessageRefused("frame")
        parts.append(raw[at - length : at])
    if at != len(raw):
        raise MessageRefused("frame")
    return parts[0], parts[1], parts[2]


def _info(header: bytes) -> bytes:
    return _INFO + hashlib.sha256(header).digest()


def _to_sign(header: bytes, sealed: bytes) -> bytes:
    return _LABEL + hashlib.sha256(header).digest() + hashlib.sha256(sealed).digest()
