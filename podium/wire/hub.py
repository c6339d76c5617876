"""The two clients of a hub. Both have the same methods, one for each function of `podium.wire.calls`.

A hub that cannot be reached, dawdles or fails raises HubUnavailable; one that says no raises HubError with the hub's code.
What was too much for it (429) is not sent again before the time that its `Retry-After` says. Redirects are not followed, cookies not kept;
nothing on this machine is reached through a proxy. Answers are read as `podium.wire.answers` says, whoever gives them.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Awaitable, Callable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Generic, ParamSpec, Self, TypeVar
from urllib.parse import urlsplit

import httpx

from podium.errors import HubUnavailable
from podium.wire import answers, calls
from podium.wire.answers import Answer, Intake
from podium.wire.calls import Call
from podium.wire.loopback import is_loopback
from podium.wire.shapes import Leased

__all__ = ["AsyncHubClient", "HubClient", "Leased"]
P = ParamSpec("P")
T = TypeVar("T")
TIMED_OUT, TOO_MANY = 408, 429
AWAY = (httpx.HTTPError, httpx.InvalidURL, TimeoutError)


class _Waits(Generic[P, T]):
    """A call as a method that returns the answer."""

    def __init__(self, call: Callable[P, Call[T]]) -> None:
        self._call = call

    def __get__(self, client: HubClient, _: type | None = None) -> Callable[P, T]:
        return lambda *args, **kwargs: client.run(self._call(*args, **kwargs))


class _Awaits(Generic[P, T]):
    """A call as a method that returns an awaitable answer."""

    def __init__(self, call: Callable[P, Call[T]]) -> None:
        self._call = call

    def __get__(self, client: AsyncHubClient, _: type | None = None) -> Callable[P, Awaitable[T]]:
        return lambda *args, **kwargs: client.run(self._call(*args, **kwargs))


class _Client:
    """What both have in common: the hub's `url`, our `api_key` (may be set later) and the time limit in seconds."""

    def __init__(self, url: str, api_key: str = "", *, timeout: float = 10.0) -> None:
        self.url, self.api_key, self.timeout = url.rstrip("/"), api_key, timeout
        self._spared: dict[int, tuple[float, HubUnavailable]] = {}  # until when, and what the hub said

    def _request(self, call: Call[Any]) -> dict[str, Any]:
        self._spare(call)
        key = self.api_key if call.key is None else call.key
        headers = {"Accept-Encoding": "identity", **({"Authorization": f"Bearer {key}"} if key else {})}
        if call.content is not None:
            headers["Content-Type"] = "application/octet-stream"
        limit = httpx.Timeout(self.timeout, read=self.timeout + call.patience)
        body = {"json": call.json} if call.json is not None else {"content": call.content}
        return {"method": call.method, "url": self.url + call.path, "params": call.params, "headers": headers, "timeout": limit, **body}

    def _intake(self, call: Call[Any], response: httpx.Response) -> Intake:
        if response.status_code >= 500 or response.status_code == TIMED_OUT:
            raise self._unavailable(f"answered {response.status_code}")
        return Intake(response, most=call.most, url=self.url)

    def _read(self, call: Call[T], answer: Answer) -> T:
        if not 200 <= answer.status < 300:
            error = answers.refusal(answer, self.url)
            if answer.status == TOO_MANY:  # a no for now
                later = HubUnavailable(error.message, remedy=error.remedy, code=error.code)
                self._spared[_same(call)] = (time.monotonic() + answers.retry_after(answer), later)
                raise later
            raise error
        try:
            return call.read(answer)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise answers.not_a_hub(self.url) from None

    def _spare(self, call: Call[Any]) -> None:
        """Raise what the hub said to this very request, as long as it does not want to hear it again."""
        now = time.monotonic()
        self._spared = {request: (until, said) for request, (until, said) in self._spared.items() if now < until}
        if (kept := self._spared.get(_same(call))) is not None:
            said = kept[1]
            raise HubUnavailable(said.message, remedy=said.remedy, code=said.code)

    def _unavailable(self, what: str) -> HubUnavailable:
        return HubUnavailable(f"the hub at {self.url} {what}.", remedy=f"Is it running, and is {self.url} its address?")


class HubClient(_Client):
    """For programs that wait: analysts, the command line."""

    def __init__(self, url: str, api_key: str = "", *, timeout: float = 10.0) -> None:
        super().__init__(url, api_key, timeout=timeout)
        transport = httpx.HTTPTransport(verify=_trust(self.url)) if is_loopback(urlsplit(self.url).hostname or "") else None
        self._http = httpx.Client(transport=transport, verify=_trust(self.url), follow_redirects=False, cookies=_no_cookies())

    health = _Waits(calls.health)
    counters = _Waits(calls.counters)
    invite = _Waits(calls.invite)
    enrol = _Waits(calls.enrol)
    identity = _Waits(calls.identity)
    register_pod = _Waits(calls.register_pod)
    heartbeat = _Waits(calls.heartbeat)
    publish_card = _Waits(calls.publish_card)
    unpublish = _Waits(calls.unpublish)
    pods = _Waits(calls.pods)
    pod = _Waits(calls.pod)
    card = _Waits(calls.card)
    post = _Waits(calls.post)
    lease = _Waits(calls.lease)
    extend = _Waits(calls.extend)
    ack = _Waits(calls.ack)
    message_state = _Waits(calls.message_state)

    def run(self, call: Call[T]) -> T:
        """Send one request and read its answer. Raises HubUnavailable or HubError."""
        try:
            with self._http.stream(**self._request(call)) as response:
                intake = self._intake(call, response)
                for part in response.iter_raw():
                    intake.take(part)
        except AWAY as error:
            raise self._unavailable(_why(error)) from None
        return self._read(call, intake.answer())

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncHubClient(_Client):
    """For programs that await: the pod."""

    def __init__(self, url: str, api_key: str = "", *, timeout: float = 10.0) -> None:
        super().__init__(url, api_key, timeout=timeout)
        transport = httpx.AsyncHTTPTransport(verify=_trust(self.url)) if is_loopback(urlsplit(self.url).hostname or "") else None
        self._http = httpx.AsyncClient(transport=transport, verify=_trust(self.url), follow_redirects=False, cookies=_no_cookies())

    health = _Awaits(calls.health)
    counters = _Awaits(calls.counters)
    invite = _Awaits(calls.invite)
    enrol = _Awaits(calls.enrol)
    identity = _Awaits(calls.identity)
    register_pod = _Awaits(calls.register_pod)
    heartbeat = _Awaits(calls.heartbeat)
    publish_card = _Awaits(calls.publish_card)
    unpublish = _Awaits(calls.unpublish)
    pods = _Awaits(calls.pods)
    pod = _Awaits(calls.pod)
    card = _Awaits(calls.card)
    post = _Awaits(calls.post)
    lease = _Awaits(calls.lease)
    extend = _Awaits(calls.extend)
    ack = _Awaits(calls.ack)
    message_state = _Awaits(calls.message_state)

    async def run(self, call: Call[T]) -> T:
        """Send one request and read its answer. Raises HubUnavailable or HubError."""
        try:
            async with self._http.stream(**self._request(call)) as response:
                intake = self._intake(call, response)
                async for part in response.aiter_raw():
                    intake.take(part)
        except AWAY as error:
            raise self._unavailable(_why(error)) from None
        return self._read(call, intake.answer())

    async def close(self) -> None:
        """Let the connections go."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _same(call: Call[Any]) -> int:
    """Stands for this very request: to another mailbox there may be room."""
    return hash((call.method, call.path, call.content))


def _why(error: Exception) -> str:
    return "did not answer in time" if isinstance(error, httpx.TimeoutException | TimeoutError) else "cannot be reached"


def _trust(url: str) -> ssl.SSLContext | bool:
    """Certificates are loaded (20 ms, some MB) only where TLS is spoken."""
    return True if urlsplit(url).scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _no_cookies() -> CookieJar:
    """A jar that takes nothing: what a hub sets would be kept for as long as the client lives."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))
