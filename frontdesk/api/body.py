"""Bodies of requests, no longer than they may be."""

from typing import Any, cast

import orjson
from starlette.requests import Request

from frontdesk.api.errors import ApiError


async def read_body(request: Request, longest: int) -> bytes:
    """All of the body. Raises :class:`ApiError` (413) beyond ``longest`` bytes, before reading
    more than that."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > longest:
            raise ApiError(413, "request_too_large", f"The body is longer than {longest} bytes.")
    return bytes(body)


async def read_json(request: Request, longest: int = 1 << 20) -> dict[str, Any]:
    """The body as a JSON object; an empty one is an empty object. Raises :class:`ApiError`."""
    body = await read_body(request, longest)
    try:
        value = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise ApiError(400, "invalid_json", f"The body is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise ApiError(400, "invalid_type", "The body must be a JSON object.")
    return cast("dict[str, Any]", value)
