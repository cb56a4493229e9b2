"""Speech to text by ``POST /v1/audio/transcriptions``."""

import io
from typing import Any, cast

import numpy as np
import soundfile  # pyright: ignore[reportMissingTypeStubs]
from openai import AsyncOpenAI, OpenAIError, omit

from frontdesk.desk.schema import SpeechToTextChoice
from frontdesk.voice.audio import samples_to_int16
from frontdesk.voice.base import INPUT_RATE, Samples, SpeechError, Transcript
from frontdesk.voice.openai.client import open_client, where

_DEFAULT_MODEL = "gpt-transcribe"
_SHORTEST = INPUT_RATE // 10
"""The API refuses audio under a tenth of a second."""


class HostedTranscriber:
    """One request a transcript."""

    elsewhere = True

    def __init__(self, client: AsyncOpenAI, model: str, language: str | None = None) -> None:
        self.client = client
        self.model = model
        self.language = language

    @property
    def name(self) -> str:
        return f"{where(self.client)}: {self.model}"

    def stream(self, *, language: str | None = None, prompt: str | None = None) -> "HostedStream":
        return HostedStream(self, language or self.language, prompt)

    async def warm_up(self) -> None:
        """Opens no connection: each request is billed."""

    async def aclose(self) -> None:
        """Close the connections, at shutdown."""
        await self.client.close()


class HostedStream:
    """Speech of one turn, uploaded as WAV when its text is asked for."""

    def __init__(self, owner: HostedTranscriber, language: str | None, prompt: str | None) -> None:
        self._owner = owner
        self._language = language
        self._prompt = prompt
        self._pushed: list[Samples] = []
        self._length = 0
        self._last: tuple[int, str] | None = None

    def push(self, samples: Samples) -> None:
        self._pushed.append(samples)
        self._length += len(samples)

    async def transcript(self) -> Transcript:
        length = self._length
        if self._last is None or self._last[0] != length:
            text = await self._request() if length >= _SHORTEST else ""
            self._last = (length, text)
        return Transcript(self._last[1], length / INPUT_RATE, language=self._language)

    async def aclose(self) -> None:
        self._pushed.clear()

    async def _request(self) -> str:
        owner = self._owner
        try:
            answer = await owner.client.audio.transcriptions.create(
                file=("speech.wav", _wav(np.concatenate(self._pushed)), "audio/wav"),
                model=owner.model,
                language=self._language or omit,
                prompt=self._prompt or omit,
                response_format="json",
            )
        except OpenAIError as error:
            raise SpeechError(f"{owner.name}: {error}") from error
        text: Any = getattr(answer, "text", None)
        if not isinstance(text, str):
            raise SpeechError(f"{owner.name}: the answer holds no text; is base_url right?")
        return text.strip()


def _wav(samples: Samples) -> bytes:
    file = io.BytesIO()
    pcm = samples_to_int16(samples)
    cast("Any", soundfile).write(file, pcm, INPUT_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def create(choice: SpeechToTextChoice) -> HostedTranscriber:
    """Entry point of ``frontdesk.stt``."""
    return HostedTranscriber(open_client(choice), choice.model or _DEFAULT_MODEL, choice.language)
