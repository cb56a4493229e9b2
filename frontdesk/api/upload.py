"""Multipart forms with one sound file, no longer than they may be."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from frontdesk.api.errors import ApiError

LONGEST = 25 * 1024 * 1024
"""Bytes of a sound file: the hosted API's limit."""
_BESIDE = 256 * 1024
"""For the other fields."""
_SEEN_OUT = 4 * LONGEST
"""A body up to this size is read to its end and thrown away before it is refused: a client that
is cut off while it sends does not hear why."""


@asynccontextmanager
async def sound_form(request: Request) -> AsyncGenerator[tuple[dict[str, Any], UploadFile]]:
    """The fields of the form, and its ``file``. Names with ``[]`` are lists, those with ``[key]``
    objects; empty fields are left out. Raises :class:`ApiError`."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        message = "The request must be multipart/form-data, with the sound file as 'file'."
        raise ApiError(415, "unsupported_media_type", message)
    limited = Request(request.scope, _Limited(request).receive)
    try:
        form = await limited.form(max_files=1, max_fields=200, max_part_size=_BESIDE)
    except HTTPException as error:
        raise ApiError(400, "invalid_form", f"The form cannot be read: {error.detail}") from error
    async with _closing(form):
        yield _fields(form), _file(form)


@asynccontextmanager
async def _closing(form: FormData) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await form.close()


def _file(form: FormData) -> UploadFile:
    file = form.get("file")
    if file is None:
        message = "Missing required parameter: 'file'."
        raise ApiError(400, "missing_required_parameter", message, "file")
    if not isinstance(file, UploadFile):
        message = "Invalid type for 'file': it must be a file of the form, with a filename."
        raise ApiError(400, "invalid_type", message, "file")
    if (file.size or 0) > LONGEST:
        raise _too_long()
    return file


def _fields(form: FormData) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in form.multi_items():
        if name == "file" or value == "":
            continue
        if isinstance(value, UploadFile):
            message = f"Invalid type for '{name}': only 'file' may be a file."
            raise ApiError(400, "invalid_type", message, name)
        key, bracket, inner = name.partition("[")
        kind: type[Any] = str if not bracket else list if inner == "]" else dict
        before: Any = fields.get(key, kind())
        if not isinstance(before, kind):
            message = f"Invalid type for '{key}': it is given in two ways."
            raise ApiError(400, "invalid_type", message, key)
        if kind is dict:
            fields[key] = {**before, inner.removesuffix("]"): value}
        else:
            fields[key] = [*before, value] if kind is list else value
    return fields


class _Limited:
    def __init__(self, request: Request) -> None:
        self._receive = request.receive
        self._length = 0

    async def receive(self) -> Message:
        message = await self._next()
        if self._length > LONGEST + _BESIDE:
            while message.get("more_body") and self._length < _SEEN_OUT:
                message = await self._next()
            raise _too_long()
        return message

    async def _next(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self._length += len(message.get("body", b""))
        return message


def _too_long() -> ApiError:
    message = "'file' is larger than 25 MB: cut it, or send it as FLAC, MP3 or Opus."
    return ApiError(413, "request_too_large", message, "file")
