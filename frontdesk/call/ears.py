"""The caller's side of a call: wire audio in, speech and turns out."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from frontdesk.call.clock import Clock
from frontdesk.call.events import CallEvent, TurnBegun, TurnOver
from frontdesk.voice.audio import InputDecoder, wire_ms
from frontdesk.voice.base import INPUT_RATE, Samples, Transcript
from frontdesk.voice.listener import Listener, Segment, SpeechStarted, SpeechStopped
from frontdesk.voice.models import VoiceModels
from frontdesk.voice.turns import LONGEST_TURN_MS


class Ears:
    """Decodes what the client streams and listens to it.

    ``received_ms`` is the clock of all wire times: milliseconds of audio received so far.
    """

    def __init__(
        self,
        models: VoiceModels,
        session: dict[str, Any],
        clock: Clock,
        post: Callable[[CallEvent], None],
    ) -> None:
        self._clock = clock
        self._post = post
        self._decoder = InputDecoder(_input(session)["format"]["type"])
        self._listener = Listener(models, _input(session).get("turn_detection"), self._hear)
        self._understand(session)
        self._finished: Segment | None = None
        self._undecoded: list[bytes] = []
        self._undecoded_ms = 0.0

    @property
    def received_ms(self) -> float:
        return self._listener.received_ms + self._undecoded_ms

    def configure(self, session: dict[str, Any], changed: frozenset[str]) -> None:
        """Follow a ``session.update``."""
        self._decode()
        if any(name.startswith("audio.input.format") for name in changed):
            self._decoder = InputDecoder(_input(session)["format"]["type"])
        if any(name.startswith("audio.input.turn_detection") for name in changed):
            self._listener.configure(_input(session).get("turn_detection"))
        self._understand(session)

    def _understand(self, session: dict[str, Any]) -> None:
        """What the client tells of the speech to come: its language, and words to expect."""
        told: dict[str, Any] = _input(session).get("transcription") or {}
        hints = (told.get("prompt"), ", ".join(told.get("keywords") or ()))
        self._listener.language = language(session)
        self._listener.logprobs = bool(session.get("include"))
        self._listener.prompt = " ".join(hint for hint in hints if hint) or None

    def push(self, audio: bytes) -> None:
        """Take audio in the session's input format. Frames are decoded together, as soon as there
        is something to hear in them: one by one, it costs twice as much."""
        self._undecoded.append(audio)
        self._undecoded_ms += wire_ms(self._decoder.format, len(audio))
        if self._undecoded_ms >= self._listener.wants_ms:
            self._decode()

    def _decode(self) -> None:
        if self._undecoded:
            audio = b"".join(self._undecoded)
            self._undecoded.clear()
            self._undecoded_ms = 0.0
            self._listener.push(self._decoder.decode(audio))

    @property
    def at_rest(self) -> bool:
        """Whether nobody speaks in what was received, and all of it was looked at."""
        return self._listener.at_rest

    @property
    def behind(self) -> bool:
        """Whether the client is far ahead of the listener."""
        return self._listener.behind

    def milliseconds(self, audio: bytes) -> float:
        """Length of audio in the session's input format."""
        return wire_ms(self._decoder.format, len(audio))

    def transcribe(self, audio: bytes) -> Coroutine[Any, Any, Transcript]:
        """The words of audio in the session's input format that was not streamed, in pieces as
        long as a turn may be. Raises :class:`~frontdesk.voice.base.SpeechError`."""
        return self._transcribe(audio, InputDecoder(self._decoder.format))

    async def _transcribe(self, audio: bytes, decoder: InputDecoder) -> Transcript:
        samples = await asyncio.to_thread(decoder.decode, audio)
        longest = LONGEST_TURN_MS * INPUT_RATE // 1000
        pieces = range(0, len(samples), longest)
        found = [await self._piece(samples[at : at + longest]) for at in pieces]
        if len(found) == 1:
            return found[0]
        words = " ".join(piece.text for piece in found if piece.text)
        return Transcript(words, len(samples) / INPUT_RATE)

    async def again(self, samples: Samples) -> Transcript:
        """The words of a turn whose transcription failed, once more. Raises
        :class:`~frontdesk.voice.base.SpeechError`."""
        return await self._piece(samples)

    async def _piece(self, samples: Samples) -> Transcript:
        stream = self._listener.transcription()
        try:
            stream.push(samples)
            return await stream.transcript()
        finally:
            await stream.aclose()

    async def caught_up(self) -> None:
        """Wait while the client is far ahead of the listener."""
        await self._listener.caught_up()

    def clear(self) -> None:
        """Drop what was not committed."""
        self._decode()
        self._listener.clear()

    def over(self, segment: Segment) -> None:
        """The turn that the protocol is about to commit."""
        self._finished = segment

    def take(self) -> Segment | None:
        """The speech that was just committed: the detected turn, or all there is, if anything."""
        segment, self._finished = self._finished, None
        if segment is not None:
            return segment
        self._decode()
        return self._listener.commit()

    def passed_over(self) -> None:
        """The protocol had no use for the turn that was over."""
        self._finished = None

    def wall(self, milliseconds: float) -> float:
        """Unix time at which the audio at ``milliseconds`` arrived, for a real-time stream."""
        return self._clock.now() - (self.received_ms - milliseconds) / 1000

    async def aclose(self) -> None:
        """Drop work under way."""
        await self._listener.aclose()

    def _hear(self, event: SpeechStarted | SpeechStopped) -> None:
        match event:
            case SpeechStarted(start_ms=start):
                self._post(TurnBegun(round(start)))
            case SpeechStopped(segment=segment):
                self._post(TurnOver(segment))


def language(session: dict[str, Any]) -> str | None:
    """The one language that the client says is spoken, as an ISO-639-1 code."""
    told: dict[str, Any] = _input(session).get("transcription") or {}
    among: list[str] = told.get("languages") or []
    return told.get("language") or (among[0] if len(among) == 1 else None)


def _input(session: dict[str, Any]) -> dict[str, Any]:
    return session["audio"]["input"]
