"""Speech to text over a Realtime transcription socket: the sound is there when the turn is over."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import numpy as np

from frontdesk.desk.tongues import code_of
from frontdesk.desk.voice import SpeechToTextChoice
from frontdesk.voice.audio import samples_to_pcm16
from frontdesk.voice.base import (
    INPUT_RATE,
    OUTPUT_RATE,
    Attempt,
    Samples,
    SpeechError,
    Transcript,
)
from frontdesk.voice.languages import joined
from frontdesk.voice.openai.client import open_client
from frontdesk.voice.openai.sockets import CONNECT_SECONDS, Event, SocketPool, TranscriptionSocket
from frontdesk.voice.openai.transcription import (
    DEFAULT_MODEL,
    SHORTEST,
    HostedStream,
    HostedTranscriber,
)
from frontdesk.voice.resample import Resampler

logger = logging.getLogger(__name__)

LIVE_MODELS = ("gpt-realtime-whisper", "gpt-live-transcribe")
"""Models that transcribe while they listen, and have no REST endpoint, by the API reference."""
_CHUNK = INPUT_RATE // 10
"""Samples in one message, at least."""
_NOTHING = np.zeros(0, np.float32)
_PATIENCE = 3.0
"""Seconds of silence from the socket, after which a turn that waits for its words is uploaded."""


class LiveTranscriber:
    """Streams each turn while it is spoken. Where that fails, and it can be any time, the turn is
    uploaded to the REST endpoint: nothing that was said is lost."""

    elsewhere = True

    def __init__(self, rest: HostedTranscriber, model: str) -> None:
        """``rest`` hears what the socket does not, and recordings."""
        self.model = model
        self.among: tuple[str, ...] = ()
        self.patience = _PATIENCE
        self.logprobs = rest.logprobs
        self.rest = rest
        self.sockets = SocketPool(rest.client)

    @property
    def name(self) -> str:
        return self.rest.name.replace(self.rest.model, self.model)

    def stream(
        self, *, language: str | None = None, prompt: str | None = None, logprobs: bool = False
    ) -> "LiveStream":
        language = language or self.rest.language
        rest = self.rest.stream(language=language, prompt=prompt, logprobs=logprobs)
        socket = self.sockets.take(self._session(language, prompt, logprobs and self.logprobs))
        return LiveStream(self, rest, socket, language)

    def _session(self, language: str | None, prompt: str | None, logprobs: bool) -> Event:
        told: Event = {"model": self.model}
        if language:
            told["language"] = language
        elif self.among and self.model in ("gpt-transcribe", "gpt-live-transcribe"):
            told["languages"] = [*self.among]
        if prompt and self.model != "gpt-realtime-whisper":  # which takes none
            told["prompt"] = prompt
        return {
            "type": "transcription",
            "include": ["item.input_audio_transcription.logprobs"] if logprobs else [],
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": OUTPUT_RATE},
                    "transcription": told,
                    "turn_detection": None,
                    "noise_reduction": None,
                }
            },
        }

    def aside(self) -> HostedTranscriber:
        """For recordings, which are there as a whole."""
        return self.rest

    async def warm_up(self) -> None:
        """Open a socket, and see that the server takes the session. Raises
        :class:`~frontdesk.voice.base.SpeechError`."""
        await self.rest.warm_up()
        socket = self.sockets.take(self._session(self.rest.language, None, False))
        if socket is None:
            return
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await socket.ready.wait()
        except TimeoutError:
            pass  # some servers do not say that they took it
        finally:
            self.sockets.give(socket)
        if socket.broken:
            message = "turns are uploaded to the REST endpoint instead"
            logger.warning("%s: %s; %s", self.name, socket.broken, message)

    async def aclose(self) -> None:
        """Close the connections, at shutdown."""
        await self.sockets.aclose()
        await self.rest.aclose()


class LiveStream:
    """Speech of one turn, sent as it comes. Each time its text is asked for, what came since is
    committed as a piece."""

    def __init__(
        self,
        owner: LiveTranscriber,
        rest: HostedStream,
        socket: TranscriptionSocket | None,
        language: str | None,
    ) -> None:
        self._owner = owner
        self._rest = rest
        self._socket = socket
        self._language = language
        self._resampler = Resampler(INPUT_RATE, OUTPUT_RATE)
        self._unsent: list[Samples] = []
        self._waiting = self._uncommitted = self._length = 0
        self._pieces: list[asyncio.Future[Event]] = []
        self._failed: tuple[Attempt, ...] = ()

    def push(self, samples: Samples) -> None:
        self._rest.push(samples)
        self._length += len(samples)
        if self._socket is None:
            return
        self._unsent.append(samples)
        self._waiting += len(samples)
        self._uncommitted += len(samples)
        if self._waiting >= _CHUNK:
            self._flush(self._socket)

    async def transcript(self) -> Transcript:
        if self._socket is not None:
            began = asyncio.get_running_loop().time()
            try:
                return await self._by_socket(self._socket)
            except SpeechError as error:
                logger.warning("%s: %s; the turn is uploaded instead", self._owner.name, error)
                seconds = asyncio.get_running_loop().time() - began
                self._failed = (Attempt(self._owner.name, str(error), seconds),)
                self._owner.sockets.drop(self._socket)
                self._socket = None
        found = await self._rest.transcript()
        return replace(found, model=self._owner.rest.name, failed=self._failed)

    async def aclose(self) -> None:
        self._let_go()
        await self._rest.aclose()

    async def _by_socket(self, socket: TranscriptionSocket) -> Transcript:
        if self._uncommitted >= SHORTEST:
            self._flush(socket, last=True)
            self._pieces.append(socket.commit())
            self._uncommitted = 0
        heard = [await self._worded(socket, piece) for piece in self._pieces]
        seconds = self._length / INPUT_RATE
        languages = {each["code"] for event in heard for each in event.get("languages") or ()}
        language = code_of(languages.pop()) if len(languages) == 1 else None
        logprobs: list[Any] = [each for event in heard for each in event.get("logprobs") or ()]
        return Transcript(
            joined(event["transcript"].strip() for event in heard),
            seconds,
            language=language or self._language,
            logprobs=logprobs or None,
            usage=_usage(heard),
        )

    async def _worded(self, socket: TranscriptionSocket, piece: asyncio.Future[Event]) -> Event:
        """The words of a piece. A server that goes on telling some is waited for."""
        loop, patience = asyncio.get_running_loop(), self._owner.patience
        asked = loop.time()
        while not piece.done():
            left = max(asked, socket.stirred) + patience - loop.time()
            if left <= 0:
                raise SpeechError(f"the socket said nothing for {patience:g} s")
            await asyncio.wait({piece}, timeout=left)
        event = piece.result()
        if not isinstance(event.get("transcript"), str):
            raise SpeechError("the socket's answer holds no transcript")
        return event

    def _flush(self, socket: TranscriptionSocket, *, last: bool = False) -> None:
        samples = self._resampler(np.concatenate((*self._unsent, _NOTHING)))
        if last:
            samples = np.concatenate((samples, self._resampler.flush()))
        self._unsent.clear()
        self._waiting = 0
        if len(samples):
            socket.append(samples_to_pcm16(samples))

    def _let_go(self) -> None:
        socket, self._socket = self._socket, None
        if socket is None:
            return
        if self._uncommitted:
            socket.clear()
        self._owner.sockets.give(socket)


def _usage(heard: list[Event]) -> dict[str, Any] | None:
    """The tokens of all pieces, where all of them tell theirs in full."""
    usages: list[Event] = [event.get("usage") or {} for event in heard]
    details: list[Event] = [usage.get("input_token_details") or {} for usage in usages]
    if not heard or any(not {"text_tokens", "audio_tokens"} <= each.keys() for each in details):
        return None
    counts = ("total_tokens", "input_tokens", "output_tokens")
    return {
        "type": "tokens",
        **{name: sum(usage[name] for usage in usages) for name in counts},
        "input_token_details": {
            name: sum(each[name] for each in details) for name in ("text_tokens", "audio_tokens")
        },
    }


def create(choice: SpeechToTextChoice) -> HostedTranscriber | LiveTranscriber:
    """Entry point of ``frontdesk.stt``: by REST, or with a socket where the team wants that or the
    model knows nothing else."""
    client, model = open_client(choice), choice.model or DEFAULT_MODEL
    live_only = model in LIVE_MODELS
    rest = HostedTranscriber(client, DEFAULT_MODEL if live_only else model, choice.language)
    streams = choice.stream if choice.stream is not None else live_only
    return LiveTranscriber(rest, model) if streams else rest
