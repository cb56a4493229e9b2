"""Text to speech by ``POST /v1/audio/speech``, streamed as 24 kHz PCM."""

import logging
from collections.abc import AsyncIterator

import httpx2
from openai import AsyncOpenAI, OpenAIError, omit

from frontdesk.desk.schema import TextToSpeechChoice
from frontdesk.voice.audio import pcm16_to_samples
from frontdesk.voice.base import Samples, SpeechError
from frontdesk.voice.openai.client import open_client, where

logger = logging.getLogger(__name__)

_DEFAULT_MODEL, _DEFAULT_VOICE = "gpt-4o-mini-tts", "marin"
_VOICES = frozenset(
    "alloy ash ballad coral echo fable onyx nova sage shimmer verse marin cedar".split()
)
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

    async def synthesize(
        self, text: str, *, voice: str | None = None, style: str | None = None, speed: float = 1.0
    ) -> AsyncIterator[Samples]:
        request = self.client.audio.speech.with_streaming_response.create(
            input=text,
            model=self.model,
            voice=self._known(voice),
            instructions=style or omit,
            response_format="pcm",
            speed=speed if speed != 1.0 else omit,
        )
        try:
            async with request as response:
                async for samples in _samples(response.iter_bytes(_CHUNK_BYTES)):
                    yield samples
        except (OpenAIError, httpx2.HTTPError) as error:
            raise SpeechError(f"{self.name}: {error}") from error

    def _known(self, voice: str | None) -> str:
        if voice is None or where(self.client) != "OpenAI" or self.has_voice(voice):
            return voice or self.voice
        if voice not in self._unknown:
            self._unknown.add(voice)
            logger.warning("OpenAI has no voice %s; %s speaks instead", voice, self.voice)
        return self.voice

    async def warm_up(self) -> None:
        """Opens no connection: each request is billed."""

    async def aclose(self) -> None:
        """Close the connections, at shutdown."""
        await self.client.close()


async def _samples(data: AsyncIterator[bytes]) -> AsyncIterator[Samples]:
    """Whole samples; the last byte of an odd chunk waits for the next."""
    odd, first = b"", True
    async for chunk in data:
        joined = odd + chunk
        if first and joined.startswith(b"RIFF"):
            raise SpeechError(
                "the speech server answered WAV where response_format pcm was asked for; "
                "use one that streams raw 24 kHz PCM"
            )
        first = False
        whole = len(joined) & ~1
        odd = joined[whole:]
        if whole:
            yield pcm16_to_samples(joined[:whole])


def create(choice: TextToSpeechChoice) -> HostedSpeech:
    """Entry point of ``frontdesk.tts``."""
    model, voice = choice.model or _DEFAULT_MODEL, choice.voice or _DEFAULT_VOICE
    return HostedSpeech(open_client(choice), model, voice)
