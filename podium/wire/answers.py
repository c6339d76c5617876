"""What a hub answers, before anyone believes it.

- An answer is read no further than its cap, and one that is packed is not read at all.
- JSON has the shape that was asked for; fields beyond it are left out.
- The code of a refusal goes to Prefect and into replies, its words to terminals and logs: the code must be one, the words are cut
  and made printable.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter

from podium.errors import HubError
from podium.wire.shapes import Refusal

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
JSON_BYTES = 8 << 20
REFUSAL_BYTES = 64 << 10
BODY_SECONDS = 60.0  # a body that takes longer to arrive is given up
WORDS = 300
LONGEST_WAIT = 3600.0  # of what a hub may ask for
CODE = re.compile(r"[a-z0-9_]{1,40}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self, shape: type[T]) -> T:
        """The body in that shape. Raises ValueError."""
        found: T = _reader(shape).validate_json(self.body, strict=True)  # type: ignore[arg-type]  # a class can be hashed
        return found


class Intake:
    """Collects the body of an answer. Raises HubError, or TimeoutError for one that dawdles."""

    def __init__(self, response: httpx.Response, *, most: int, url: str) -> None:
        if "content-encoding" in response.headers:
            raise not_a_hub(url, "its answer is packed")
        self._response, self._url = response, url
        self._most = most if response.is_success else REFUSAL_BYTES
        self._until = time.monotonic() + BODY_SECONDS
        self._body = bytearray()

    def take(self, part: bytes) -> None:
        """The next piece."""
        self._body += part
        if len(self._body) > self._most:
            raise not_a_hub(self._url, f"its answer is larger than {self._most} bytes")
        if time.monotonic() > self._until:
            raise TimeoutError

    def answer(self) -> Answer:
        """What was collected."""
        return Answer(self._response.status_code, self._response.headers, bytes(self._body))


def retry_after(answer: Answer) -> float:
    """How many seconds the hub wants to be spared this request."""
    said = answer.headers.get("retry-after", "")
    return min(float(said), LONGEST_WAIT) if said.isascii() and said.isdecimal() else 0.0


def refusal(answer: Answer, url: str) -> HubError:
    """The hub's no as an error, with the hub's own code."""
    try:
        error = answer.json(Refusal)["error"]
    except ValueError:
        return not_a_hub(url)
    code = error["code"] if CODE.fullmatch(error["code"]) else HubError.code
    return HubError(_plain(error["message"]), remedy=_plain(error["remedy"]), code=code)


def not_a_hub(url: str, why: str = "") -> HubError:
    """Something else answers at the hub's address."""
    told = f": {why}" if why else ""
    return HubError(f"{url} does not answer as a hub does{told}.", remedy="Check the hub's address.", code="not_a_hub")


def _plain(words: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in words[:WORDS])


@functools.cache
def _reader(shape: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(shape)
