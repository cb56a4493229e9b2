"""``POST /v1/audio/speech``: text aloud, by the voices the calls use."""

import asyncio
import logging
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from frontdesk.api.body import read_json
from frontdesk.api.errors import ApiError
from frontdesk.api.lanes import Lanes
from frontdesk.api.streaming import Stream, sse, while_wanted
from frontdesk.api.usage import speech_usage
from frontdesk.call.clock import Clock
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.mouth import Mouth
from frontdesk.call.worker import Worker
from frontdesk.desk.languages import codes
from frontdesk.protocol.validation import check
from frontdesk.voice.base import OUTPUT_RATE, Samples, SpeechError
from frontdesk.voice.encoding import FileFormat, stream_encoder
from frontdesk.voice.models import voice_of
from frontdesk.voice.speaker import Speaker

logger = logging.getLogger(__name__)

_AT_ONCE = 64
"""Requests under way: each has a few clauses in memory, no more."""
_MEDIA = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}


class VoiceId(BaseModel):
    """A voice of one's own, as the API names it."""

    model_config = ConfigDict(extra="forbid")
    id: str


class SpeechRequest(BaseModel):
    """The body of the request; a field left out or null is the default."""

    model_config = ConfigDict(extra="forbid")
    model: str
    input: Annotated[str, Field(min_length=1, max_length=4096)]
    voice: str | VoiceId
    instructions: str | None = None
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] | None = None
    speed: Annotated[float, Field(ge=0.25, le=4.0)] | None = None
    stream_format: Literal["audio", "sse"] | None = None


_SCHEMA = TypeAdapter(SpeechRequest)


def router(worker: Worker) -> APIRouter:
    """``model`` names the team (an unknown name gets the default one, as clients send the names
    of their own models); a ``voice`` that the team's model does not have is the team's."""
    routes = APIRouter()
    lanes = Lanes(_AT_ONCE)

    @routes.post("/v1/audio/speech")
    async def speech(request: Request) -> Stream:
        body = await read_json(request)
        check(_SCHEMA, body)
        asked = _SCHEMA.validate_python(body)
        team = worker.team(asked.model)
        file_format = _file_format(asked)
        async with AsyncExitStack() as open_now:
            open_now.enter_context(lanes.admitted())
            slot = lanes.slot(team.voice.tts)
            sound = await open_now.enter_async_context(aclosing(_sound(team, asked, slot)))
            # A voice that fails at once is an error with a status, not a broken file.
            first = await while_wanted(request, _first(sound))
            whole = _joined(first, sound)
            if asked.stream_format == "sse":
                return Stream(
                    _events(whole, file_format, asked.input),
                    "text/event-stream",
                    open_now.pop_all(),
                )
            return Stream(_file(whole, file_format), _MEDIA[file_format], open_now.pop_all())

    return routes


def _file_format(asked: SpeechRequest) -> FileFormat:
    if asked.response_format == "aac":
        message = "Unsupported value: 'response_format'. Use mp3, opus, flac, wav or pcm."
        raise ApiError(400, "unsupported_value", message, "response_format")
    return asked.response_format or "mp3"


def _speaker(team: LiveTeam, asked: SpeechRequest) -> Speaker:
    rules = team.loaded.team.voice
    speed = asked.speed if asked.speed is not None else rules.tts.speed
    language = next(iter(codes(team.loaded.team)), None)
    patience = team.loaded.team.budgets.speech
    return Speaker(
        Mouth(team.voice, clock=Clock(), patience=patience, language=language),
        voice=_voice(team, asked.voice if isinstance(asked.voice, str) else asked.voice.id),
        style=asked.instructions or rules.tts.style,
        speed=speed,
        language=language,
        cache=team.phrases,
        levels=team.voice.levels,
    )


def _voice(team: LiveTeam, asked: str) -> str | None:
    described = team.loaded.team
    known = {voice_of(described, agent).voice for agent in described.agents}
    has_voice: Any = getattr(team.voice.tts, "has_voice", None)
    if asked in known or (has_voice and has_voice(asked)):
        return asked
    return described.voice.tts.voice


async def _sound(
    team: LiveTeam, asked: SpeechRequest, slot: asyncio.Semaphore
) -> AsyncGenerator[Samples]:
    """Speech by clause; the slot is free while the client takes it in."""

    async def text() -> AsyncGenerator[str]:
        yield asked.input

    async with aclosing(_speaker(team, asked).speak(text())) as chunks:
        while True:
            async with slot:
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            if len(chunk.audio):
                yield chunk.audio


async def _first(sound: AsyncGenerator[Samples]) -> Samples:
    try:
        return await anext(sound)
    except StopAsyncIteration:
        message = "Invalid value for 'input': there is no word in it that can be spoken."
        raise ApiError(400, "invalid_value", message, "input") from None
    except SpeechError as error:
        logger.error("text to speech failed: %s", error)
        message = "The text cannot be spoken: the speech model failed. The server's log says why."
        raise ApiError(500, "speech_failed", message) from error


async def _joined(first: Samples | None, rest: AsyncGenerator[Samples]) -> AsyncGenerator[Samples]:
    if first is not None:
        yield first
        async for samples in rest:
            yield samples


async def _file(sound: AsyncGenerator[Samples], file_format: FileFormat) -> AsyncGenerator[bytes]:
    """The file as it grows. A failure breaks the connection off, as only that tells the client
    that something is missing."""
    encoder = stream_encoder(file_format)
    async with aclosing(sound):
        async for samples in sound:
            if data := await asyncio.to_thread(encoder.encode, samples):
                yield data
    if rest := await asyncio.to_thread(encoder.finish):
        yield rest


async def _events(
    sound: AsyncGenerator[Samples], file_format: FileFormat, text: str
) -> AsyncGenerator[bytes]:
    count = 0

    async def counted() -> AsyncGenerator[Samples]:
        nonlocal count
        async for samples in sound:
            count += len(samples)
            yield samples

    try:
        async with aclosing(_file(counted(), file_format)) as file:
            async for data in file:
                yield sse({"type": "speech.audio.delta", "audio": b64encode(data).decode()})
    except SpeechError as error:
        logger.error("text to speech failed: %s", error)
        message = "The speech model failed before the end of the text."
        yield sse({"error": {"message": message, "type": "server_error", "code": "speech_failed"}})
        return
    yield sse({"type": "speech.audio.done", "usage": speech_usage(text, count / OUTPUT_RATE)})
