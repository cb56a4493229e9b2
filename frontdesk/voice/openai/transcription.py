"""Speech to text by ``POST /v1/audio/transcriptions``."""

import io
from dataclasses import replace
from typing import Any, Literal, cast

import numpy as np
import soundfile  # pyright: ignore[reportMissingTypeStubs]
from openai import AsyncOpenAI, BadRequestError, OpenAIError, omit

from frontdesk.desk.tongues import code_of
from frontdesk.voice.audio import samples_to_int16
from frontdesk.voice.base import INPUT_RATE, Samples, SpeechError, Transcript
from frontdesk.voice.openai.client import connect, failure, readable, where

DEFAULT_MODEL = "gpt-transcribe"
_TELL_LOGPROBS = ("gpt-4o-transcribe", "gpt-4o-mini-transcribe")
"""Models that have logprobs, by the API reference; all others refuse to be asked."""
SHORTEST = INPUT_RATE // 10
"""The API refuses audio under a tenth of a second."""


class HostedTranscriber:
    """One request a transcript. ``among``: the languages that callers may speak, for models that
    take such a hint."""

    elsewhere = True

    def __init__(self, client: AsyncOpenAI, model: str, language: str | None = None) -> None:
        self.client = client
        self.model = model
        self.language = language
        self.among: tuple[str, ...] = ()
        self.tells_language = "whisper" in model
        """Whether it is asked for the long answer, which says what language was heard."""
        self.logprobs = model.startswith(_TELL_LOGPROBS) and "diarize" not in model

    @property
    def name(self) -> str:
        return f"{where(self.client)}: {self.model}"

    def stream(
        self, *, language: str | None = None, prompt: str | None = None, logprobs: bool = False
    ) -> "HostedStream":
        return HostedStream(self, language or self.language, prompt, logprobs and self.logprobs)

    async def warm_up(self) -> None:
        """Open a connection. Raises :class:`~frontdesk.voice.base.SpeechError`."""
        await connect(self.client, "voice.stt", self.name)

    async def aclose(self) -> None:
        """Close the connections, at shutdown."""
        await self.client.close()


class HostedStream:
    """Speech of one turn, uploaded as WAV when its text is asked for."""

    def __init__(
        self,
        owner: HostedTranscriber,
        language: str | None,
        prompt: str | None,
        logprobs: bool = False,
    ) -> None:
        self._logprobs = logprobs
        self._owner = owner
        self._language = language
        self._prompt = prompt
        self._pushed: list[Samples] = []
        self._length = 0
        self._last: tuple[int, Transcript] | None = None

    def push(self, samples: Samples) -> None:
        self._pushed.append(samples)
        self._length += len(samples)

    async def transcript(self) -> Transcript:
        length = self._length
        if self._last is None or self._last[0] != length:
            found = Transcript("", length / INPUT_RATE, language=self._language)
            self._last = (length, await self._request(found) if length >= SHORTEST else found)
        return self._last[1]

    async def aclose(self) -> None:
        self._pushed.clear()

    async def _request(self, empty: Transcript) -> Transcript:
        owner = self._owner
        long = owner.tells_language and self._language is None
        try:
            answer = await self._asked("verbose_json" if long else "json")
        except BadRequestError as error:
            if not long:
                raise failure(error, "voice.stt", owner.name) from error
            owner.tells_language = False  # a server that has the short form only
            return await self._request(empty)
        except OpenAIError as error:
            raise failure(error, "voice.stt", owner.name) from error
        text: Any = getattr(answer, "text", None)
        if not isinstance(text, str):
            told = readable(str(answer))
            raise SpeechError(
                f"{owner.name}: the answer holds no text; is voice.stt.base_url right? It says: "
                f"{told}"
            )
        return replace(
            empty,
            text=text.strip(),
            language=_language(answer) or empty.language,
            logprobs=_logprobs(answer),
            usage=_token_usage(answer),
        )

    async def _asked(self, response_format: Literal["json", "verbose_json"]) -> Any:
        owner = self._owner
        among = owner.model == DEFAULT_MODEL and not self._language and [*owner.among]
        return await owner.client.audio.transcriptions.create(
            file=("speech.wav", _wav(np.concatenate(self._pushed)), "audio/wav"),
            model=owner.model,
            language=self._language or omit,
            languages=among or omit,
            prompt=self._prompt or omit,
            response_format=response_format,
            include=["logprobs"] if self._logprobs else omit,
        )


def _language(answer: Any) -> str | None:
    """What was spoken, if the model says so: one language, by code or by its English name."""
    several: list[Any] = getattr(answer, "languages", None) or []
    if len(several) == 1:
        return code_of(several[0].code)
    told: Any = getattr(answer, "language", None)
    return code_of(told) if isinstance(told, str) else None


def _logprobs(answer: Any) -> list[dict[str, Any]] | None:
    """How sure the model is of each token, as a Realtime event has it."""
    told: Any = getattr(answer, "logprobs", None)
    if not told:
        return None
    return [
        {
            "token": each.token or "",
            "logprob": each.logprob or 0.0,
            "bytes": [int(byte) for byte in each.bytes or (each.token or "").encode()],
        }
        for each in told
    ]


def _token_usage(answer: Any) -> dict[str, Any] | None:
    """The tokens that were billed, if they were counted in full: a JavaScript client drops an
    event that has only some of them."""
    usage: Any = getattr(answer, "usage", None)
    if getattr(usage, "type", None) != "tokens":
        return None
    details: Any = usage.input_token_details
    counts = (getattr(details, "text_tokens", None), getattr(details, "audio_tokens", None))
    if None in counts:
        return None
    return {
        "type": "tokens",
        "total_tokens": usage.total_tokens,
        "input_tokens": usage.input_tokens,
        "input_token_details": {"text_tokens": counts[0], "audio_tokens": counts[1]},
        "output_tokens": usage.output_tokens,
    }


def _wav(samples: Samples) -> bytes:
    file = io.BytesIO()
    pcm = samples_to_int16(samples)
    cast("Any", soundfile).write(file, pcm, INPUT_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()
