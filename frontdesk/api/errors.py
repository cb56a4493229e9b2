"""Errors as the OpenAI API tells them: ``{"error": {message, type, param, code}}``."""

import http
import logging
import secrets
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from redis.exceptions import RedisError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from frontdesk.protocol.errors import ProtocolError
from frontdesk.protocol.validation import field_name
from frontdesk.state.errors import InOtherRegion, StateError

logger = logging.getLogger(__name__)

REQUEST_ID = "x-request-id"

CODES = {
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    415: "unsupported_media_type",
    503: "state_unavailable",
}
"""For statuses whose errors nobody gave a code of their own."""

KINDS = {"missing": "missing_required_parameter", "extra_forbidden": "unknown_parameter"}
"""Pydantic's kinds of errors that have a code of their own; the rest are invalid values."""


class ApiError(Exception):
    """A request that is refused. ``param`` names the field, with dots and brackets."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        param: str | None = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.headers = headers

    def response(self) -> Response:
        return error_response(
            self.status, self.message, code=self.code, param=self.param, headers=self.headers
        )


def error_response(
    status: int,
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    headers: Any = None,
) -> Response:
    """An error body. What is not the client's fault has the type ``server_error``."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    error = {"message": message, "type": kind, "param": param, "code": code or CODES.get(status)}
    return JSONResponse({"error": error}, status, headers)


def install(app: FastAPI) -> None:
    """Tell every error of the application in this way, and name every request."""

    @app.exception_handler(ApiError)
    async def refused(request: Request, error: ApiError) -> Response:
        return error.response()

    @app.exception_handler(ProtocolError)
    async def wrong_session(request: Request, error: ProtocolError) -> Response:
        return error_response(400, error.message, code=error.code, param=error.param)

    @app.exception_handler(RequestValidationError)
    async def wrong_request(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        kind = str(first["type"])
        if kind == "json_invalid":
            return error_response(400, "The body of the request is not JSON.", code="invalid_json")
        param = field_name(first["loc"][1:]) or None
        message = f"Invalid value for '{param}': {first['msg']}." if param else f"{first['msg']}."
        return error_response(400, message, code=KINDS.get(kind, "invalid_value"), param=param)

    @app.exception_handler(HTTPException)
    async def failed(request: Request, error: HTTPException) -> Response:
        message = error.detail
        if message == http.HTTPStatus(error.status_code).phrase:
            message = f"{message}: {request.method} {request.url.path}"
        return error_response(error.status_code, message, headers=error.headers)

    @app.exception_handler(InOtherRegion)
    async def elsewhere(request: Request, error: Exception) -> Response:
        return error_response(403, str(error), code="call_in_other_region")

    @app.exception_handler(RedisError)
    @app.exception_handler(StateError)
    async def no_store(request: Request, error: Exception) -> Response:
        logger.error("the store does not answer: %s", error)
        return error_response(503, "The store does not answer. Try again in a few seconds.")

    @app.exception_handler(Exception)
    async def defect(request: Request, error: Exception) -> Response:
        # Nothing of ours is around this one but the server.
        headers = {REQUEST_ID: _request_id()}
        return error_response(
            500, "The server has a defect here. Its log says more.", headers=headers
        )

    app.add_middleware(RequestIds)


def _request_id() -> str:
    return f"req_{secrets.token_hex(16)}"


class RequestIds:
    """Gives every answer under ``/v1`` an ``x-request-id``, which the openai clients log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = _request_id()
            await send(message)

        await self._app(scope, receive, named)
