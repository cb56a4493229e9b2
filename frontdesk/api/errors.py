"""Errors as the OpenAI API tells them: ``{"error": {message, type, param, code}}``."""

from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from frontdesk.protocol.errors import ProtocolError


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
    error = {"message": message, "type": kind, "param": param, "code": code}
    return JSONResponse({"error": error}, status, headers)


def install(app: FastAPI) -> None:
    @app.exception_handler(ApiError)
    async def refused(request: Request, error: ApiError) -> Response:
        return error.response()

    @app.exception_handler(ProtocolError)
    async def wrong_session(request: Request, error: ProtocolError) -> Response:
        return error_response(400, error.message, code=error.code, param=error.param)
