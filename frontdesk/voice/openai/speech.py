"""Text to speech by ``POST /v1/audio/speech``, streamed as it is made."""

import logging
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
from openai import AsyncOpenAI, OpenAIError, omit

from frontdesk.desk.voice import TextToSpeechChoice
from frontdesk.voice.base import OUTPUT_RATE, Samples, SpeechError
from frontdesk.voice.openai.client import connect, failure, open_client, where
from frontdesk.voice.openai.sound import samples_of
from frontdesk.voice.resample import Resampler
from frontdesk.voice.style import Manner, manner

logger = logging.getLogger(__name__)

_DEFAULT_MODEL, _DEFAULT_VOICE = "gpt-4o-mini-tts", "marin"
_VOICES = frozenset(
    "alloy ash ballad coral echo fable onyx nova sage shimmer verse marin cedar".split()
)
_WITHOUT_INSTRUCTIONS = re.compile(r"(?:.*/)?(?:tts-1|kokoro|piper|xtts|melo)", re.I)
"""Beginnings of the names of models that take none: OpenAI's older ones say so in the API's
reference, the others have no such input."""
_CHUNK_BYTES = 4800
"""100 ms: the first audio goes out early, and later requests stay few."""


class HostedSpeech:
    """One request a clause. A voice that OpenAI does not have is spoken by the default one, which
    the log says once; what other servers have, only they know."""

    elsewhere = True

    def __init__(self, client: AsyncOpenAI, model: str, voice: str) -> None:
        self.client = client
        self.model = model
        self.voice = voice
        self._unknown: set[str] = set()

    @property
    def name(self) -> str:
        return f"{where(self.client)}: {self.model}, voice {self.voice}"

    def has_voice(self, voice: str) -> bool:
        """Whether OpenAI has the voice; which ones other servers have, nobody tells."""
        if where(self.client) != "OpenAI":
            return voice == self.voice
        return voice in _VOICES or voice.startswith("voice_")

    def follows(self, style: str | None) -> str | None:
        """What becomes of a style where the model takes no instructions; None where it does."""
        if not style or not _WITHOUT_INSTRUCTIONS.match(self.model):
            return None
        asked = manner(style)
        return str(replace(asked, whispered=False))

    async def synthesize(
        self, text: str, *, voice: str | None = None, style: str | None = None, speed: float = 1.0
    ) -> AsyncIterator[Samples]:
        asked = manner(style) if self.follows(style) else Manner()
        tune = (
            Resampler(round(asked.pitch * OUTPUT_RATE), OUTPUT_RATE) if asked.pitch != 1 else None
        )
        speed = min(max(speed * asked.rate / asked.pitch, 0.25), 4.0)
        request = self.client.audio.speech.with_streaming_response.create(
            input=text,
            model=self.model,
            voice=self._known(voice),
            instructions=omit if not style or self.follows(style) else style,
            response_format="pcm",
            speed=speed if speed != 1.0 else omit,
        )
        try:
            async with request as response:
                told = response.headers.get("content-type") or ""
                async for samples in samples_of(response.iter_bytes(_CHUNK_BYTES), told):
                    yield tune(samples) if tune else samples
                if tune:
                    yield tune.flush()
        except SpeechError as error:
            raise SpeechError(f"{self.name}: {error}") from error
        except (OpenAIError, httpx2.HTTPError) as error:
            raise failure(error, "voice.tts", self.name) from error

    def _known(self, voice: str | None) -> str:
        if voice is None or where(self.client) != "OpenAI" or self.has_voice(voice):
            return voice or self.voice
        if voice not in self._unknown:
            self._unknown.add(voice)
            logger.warning("OpenAI has no voice %s; %s speaks instead", voice, self.voice)
        return self.voice

    async def warm_up(self) -> None:
        """Open a connection. Raises :class:`~frontdesk.voice.base.SpeechError`."""
        await connect(self.client, "voice.tts", self.name)

    async def aclose(self) -> None:
        """Close the connections, at shutdown."""
        await self.client.close()


def create(choice: TextToSpeechChoice) -> HostedSpeech:
    """Entry point of ``frontdesk.tts``."""
    model, voice = choice.model or _DEFAULT_MODEL, choice.voice or _DEFAULT_VOICE
    return HostedSpeech(open_client(choice), model, voice)
