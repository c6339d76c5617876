"""How the hub says no: `{"error": {"code", "message", "remedy"}}` with a fitting status, and nothing of what was sent."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

log = logging.getLogger("podium.hub")
M = TypeVar("M", bound=BaseModel)


class Refused(Exception):
    """A request that the hub turns down."""

    def __init__(self, status: int, code: str, message: str, *, remedy: str = "", headers: Mapping[str, str] | None = None) -> None:
        self.status, self.code, self.message, self.remedy, self.headers = status, code, message, remedy, headers
        super().__init__(message)

    def response(self) -> JSONResponse:
        """The refusal as it goes over the wire."""
        error = {"code": self.code, "message": self.message, "remedy": self.remedy}
        return JSONResponse({"error": error}, self.status, headers=dict(self.headers or {}))


def unauthorized() -> Refused:
    """The one answer to an absent, malformed, unknown or wrong key."""
    return Refused(
        401,
        "unauthorized",
        "The hub does not know this key.",
        remedy="Enrol with a code: podium hub invite OWNER makes one.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def install(app: FastAPI) -> None:
    """Turn every error of the app into such an answer. What went wrong inside stays inside."""

    async def refused(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refused)
        return error.response()

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return _invalid(error.errors()).response()

    async def http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        phrase = HTTPStatus(error.status_code).phrase
        return Refused(error.status_code, phrase.lower().replace(" ", "_"), f"{phrase}.", headers=error.headers).response()

    async def internal(request: Request, error: Exception) -> JSONResponse:
        log.error("%s %s failed: %s", request.method, request.scope.get("route", request.url.path), type(error).__name__)
        return Refused(500, "internal", "The hub failed; its log says more.").response()

    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, internal)


def read(model: type[M], given: bytes | Mapping[str, object]) -> M:
    """What was sent, as JSON or by name, in that shape. Raises Refused, which names the first field that is wrong."""
    try:
        return model.model_validate_json(given) if isinstance(given, bytes) else model.model_validate(given)
    except ValidationError as error:
        raise _invalid(error.errors()) from None


def _invalid(problems: Sequence[Any]) -> Refused:
    first = problems[0]
    field = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path", "header"))
    if first["type"] == "extra_forbidden":
        return Refused(422, "unknown_field", f"{field}: unknown field.", remedy="Leave it out.")
    message = str(first["msg"]).removeprefix("Value error, ")
    return Refused(422, "invalid", f"{field}: {message}." if field else f"{message}.")
