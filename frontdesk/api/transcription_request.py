"""What a request for a transcription may ask, and what of it the team's model can do."""

import re
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from frontdesk.api.errors import ApiError
from frontdesk.desk.voice import TurnDetection
from frontdesk.protocol.validation import check
from frontdesk.voice.base import SpeechToText, logprobs_of


def _listed(value: Any) -> Any:
    """A list with one entry may come without the brackets behind its name."""
    return [value] if isinstance(value, str) else value


def _object(value: Any) -> Any:
    """An object may come as fields of the form or as JSON."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


Listed = Annotated[list[str], BeforeValidator(_listed)]


class ServerVad(BaseModel):
    """How to cut the recording."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["server_vad"]
    prefix_padding_ms: Annotated[int, Field(ge=0, le=2000)] = 300
    silence_duration_ms: Annotated[int, Field(ge=100, le=5000)] = 500
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5


class TranscriptionRequest(BaseModel):
    """The fields of the form beside ``file``."""

    model_config = ConfigDict(extra="forbid")
    model: str
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"] = "json"
    stream: bool = False
    language: str | None = None
    languages: Listed = []
    prompt: str | None = None
    temperature: Annotated[float, Field(ge=0, le=1)] = 0.0
    timestamp_granularities: Annotated[
        list[Literal["word", "segment"]], BeforeValidator(_listed)
    ] = []
    include: Annotated[list[Literal["logprobs"]], BeforeValidator(_listed)] = []
    chunking_strategy: Annotated[Literal["auto"] | ServerVad, BeforeValidator(_object)] = "auto"
    keywords: Listed = []
    known_speaker_names: Listed = []
    known_speaker_references: Listed = []

    def rules(self) -> TurnDetection:
        """Where the recording is cut."""
        asked = self.chunking_strategy
        given: dict[str, Any] = {} if isinstance(asked, str) else asked.model_dump()
        return TurnDetection.model_validate({"type": "server_vad", **given})

    def spoken_language(self) -> str | None:
        """ISO-639 code of what is spoken, if the client says it."""
        return self.language or next(iter(self.languages), None)


_SCHEMA = TypeAdapter(TranscriptionRequest)


def read_request(fields: dict[str, Any]) -> TranscriptionRequest:
    """The fields of a form, understood. Raises ``ProtocolError`` naming the first wrong one, and
    :class:`ApiError` for what nobody here can do."""
    check(_SCHEMA, fields)
    asked = _SCHEMA.validate_python(fields)
    if asked.response_format == "diarized_json":
        raise _unsupported("response_format", "speakers are not told apart; use verbose_json.")
    if asked.known_speaker_names:
        raise _unsupported("known_speaker_names", "speakers are not told apart.")
    if asked.known_speaker_references:
        raise _unsupported("known_speaker_references", "speakers are not told apart.")
    if asked.stream and asked.response_format not in ("json", "text"):
        raise _unsupported("response_format", "a stream is json; leave out 'stream' for the rest.")
    if asked.timestamp_granularities and asked.response_format != "verbose_json":
        raise _unsupported("timestamp_granularities", "they need response_format verbose_json.")
    if "word" in asked.timestamp_granularities:
        raise _unsupported("timestamp_granularities", "there are times of segments, not of words.")
    if asked.include and asked.response_format != "json":
        raise _unsupported("include", "logprobs need response_format json.")
    if asked.temperature:
        raise _unsupported("temperature", "the models here do not sample; send 0 or nothing.")
    if asked.keywords:
        raise _unsupported("keywords", "put them into 'prompt'.")
    return asked


def check_abilities(asked: TranscriptionRequest, stt: SpeechToText) -> None:
    """Refuse what the team's model cannot do. Raises :class:`ApiError`."""
    for field, code in [("language", asked.language), *(("languages", c) for c in asked.languages)]:
        if code is not None and not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", code):
            message = f"Invalid value for '{field}': {code!r} is no ISO-639 code, such as en."
            raise ApiError(400, "invalid_value", message, field)
    if len(asked.languages) > 1:
        raise _unsupported("languages", "give one, or none.")
    known: tuple[str, ...] | None = getattr(stt, "languages", None)
    language = asked.spoken_language()
    if known and language and language.lower().split("-")[0] not in known:
        field = "language" if asked.language else "languages"
        raise _unsupported(field, f"{stt.name} understands {', '.join(known)} only.")
    if asked.include and logprobs_of(stt) is None:
        raise _unsupported("include", f"{stt.name} tells no logprobs.")
    if asked.prompt and not getattr(stt, "takes_prompt", True):
        raise _unsupported("prompt", f"{stt.name} takes none.")


def _unsupported(param: str, why: str) -> ApiError:
    return ApiError(400, "unsupported_value", f"Unsupported value: '{param}': {why}", param)
