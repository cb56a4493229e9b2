"""``POST /v1/audio/transcriptions``: sound files to text, by the models that hear the calls."""

import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, closing
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from frontdesk.api.errors import ApiError
from frontdesk.api.lanes import Lanes
from frontdesk.api.streaming import Stream, sse, while_wanted
from frontdesk.api.transcription_request import (
    TranscriptionRequest,
    check_abilities,
    read_request,
)
from frontdesk.api.transcripts import (
    all_logprobs,
    as_json,
    as_srt,
    as_verbose_json,
    as_vtt,
    whole_text,
)
from frontdesk.api.upload import sound_form
from frontdesk.api.usage import stream_usage
from frontdesk.call.worker import Worker
from frontdesk.voice.audio import AudioFileError
from frontdesk.voice.base import SpeechError
from frontdesk.voice.dictaphone import Dictaphone, Heard
from frontdesk.voice.recordings import Recording

logger = logging.getLogger(__name__)

_AT_ONCE = 16
"""Requests under way: each may keep 25 MB on the disk."""


def router(worker: Worker) -> APIRouter:
    """``model`` names the team; an unknown name gets the default one, as clients send the names
    of their own models."""
    routes = APIRouter()
    lanes = Lanes(_AT_ONCE)

    @routes.post("/v1/audio/transcriptions")
    async def transcriptions(request: Request) -> Response:
        async with AsyncExitStack() as open_now:
            open_now.enter_context(lanes.admitted())
            fields, file = await open_now.enter_async_context(sound_form(request))
            asked = read_request(fields)
            voice = worker.team(asked.model).voice
            check_abilities(asked, voice.stt)
            try:
                recording = open_now.enter_context(closing(Recording(file.file)))
            except AudioFileError as error:
                raise _unreadable(error) from error
            dictaphone = Dictaphone(
                voice,
                asked.rules(),
                lanes.slot(voice.stt),
                language=asked.spoken_language(),
                prompt=asked.prompt,
                logprobs=bool(asked.include),
            )
            if asked.stream:
                events = _events(dictaphone, recording)
                return Stream(events, "text/event-stream", open_now.pop_all())
            heard = await while_wanted(request, _all(dictaphone, recording))
            return _answer(asked, heard, dictaphone.seconds)

    return routes


async def _all(dictaphone: Dictaphone, recording: Recording) -> list[Heard]:
    try:
        async with aclosing(dictaphone.listen(recording)) as pieces:
            return [piece async for piece in pieces if piece.transcript.text]
    except AudioFileError as error:
        raise _unreadable(error) from error
    except SpeechError as error:
        logger.error("speech to text failed: %s", error)
        message = "The file cannot be transcribed: the speech model failed. The log says why."
        raise ApiError(500, "transcription_failed", message) from error


def _answer(asked: TranscriptionRequest, heard: list[Heard], seconds: float) -> Response:
    match asked.response_format:
        case "text":
            return PlainTextResponse(whole_text(heard) + "\n")
        case "srt":
            return PlainTextResponse(as_srt(heard), media_type="application/x-subrip")
        case "vtt":
            return PlainTextResponse(as_vtt(heard), media_type="text/vtt")
        case "verbose_json":
            return JSONResponse(as_verbose_json(heard, seconds, asked.spoken_language()))
        case _:
            return JSONResponse(as_json(heard, seconds, logprobs=bool(asked.include)))


async def _events(dictaphone: Dictaphone, recording: Recording) -> AsyncGenerator[bytes]:
    """A delta for each piece, as soon as it is understood."""
    heard: list[Heard] = []
    try:
        async with aclosing(dictaphone.listen(recording)) as pieces:
            async for piece in pieces:
                if said := piece.transcript.text:
                    delta = f" {said}" if heard else said
                    heard.append(piece)
                    yield _event("delta", {"delta": delta}, [piece])
    except (AudioFileError, SpeechError) as error:
        logger.error("a recording could not be transcribed: %s", error)
        yield sse({"error": _told(error)})
        return
    text = whole_text(heard)
    usage = stream_usage(heard, text, dictaphone.seconds)
    yield _event("done", {"text": text, "usage": usage}, heard)


def _event(kind: str, fields: dict[str, Any], heard: list[Heard]) -> bytes:
    logprobs = all_logprobs(heard)
    more = {"logprobs": logprobs} if logprobs else {}
    return sse({"type": f"transcript.text.{kind}", **fields, **more})


def _told(error: AudioFileError | SpeechError) -> dict[str, str | None]:
    if isinstance(error, AudioFileError):
        refusal = _unreadable(error)
        return {
            "message": refusal.message,
            "type": "invalid_request_error",
            "param": refusal.param,
            "code": refusal.code,
        }
    message = "The speech model failed before the end of the file."
    return {
        "message": message,
        "type": "server_error",
        "param": None,
        "code": "transcription_failed",
    }


def _unreadable(error: AudioFileError) -> ApiError:
    return ApiError(400, "invalid_file", f"Invalid value for 'file': {error}.", "file")
