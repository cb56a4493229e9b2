"""The caller's side of a call: wire audio in, speech and turns out."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

from frontdesk.call.clock import Clock
from frontdesk.call.events import CallEvent, TurnBegun, TurnOver
from frontdesk.call.upstream import CallUpstream
from frontdesk.desk.noise import EchoRule
from frontdesk.voice import noise
from frontdesk.voice.audio import InputDecoder, wire_ms
from frontdesk.voice.base import INPUT_RATE, Samples, Transcript
from frontdesk.voice.cleaning import Cleaner, Cleaning
from frontdesk.voice.deaf import Deaf
from frontdesk.voice.echo import EchoGuard
from frontdesk.voice.g711 import Pcm
from frontdesk.voice.listener import Listener
from frontdesk.voice.models import VoiceModels
from frontdesk.voice.segment import ListenerEvent, Segment, SpeechStarted, SpeechStopped
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
        spoken: Callable[[VoiceModels], str | None],
        echo_guard: EchoRule = "off",
        *,
        upstream: CallUpstream | None = None,
    ) -> None:
        """``upstream`` is told what is said while it is said, and may be who tells the words.
        ``spoken``: the language that the transcriber is told, None if it is to find out."""
        self._own = models.stt
        self._upstream = upstream
        if upstream is not None and upstream.transcribes:
            models = replace(models, stt=Deaf(models.stt.name))
        self._spoken = partial(spoken, models)
        self._clock = clock
        self._post = post
        self._decoder = InputDecoder(_input(session)["format"]["type"])
        self._listener = Listener(models, _input(session).get("turn_detection"), self._hear)
        self._understand(session)
        self._finished: Segment | None = None
        self._undecoded: list[bytes] = []
        self._undecoded_ms = 0.0
        self._wanted_ms = 0.0
        """As much undecoded sound is worth a look."""
        self._guard = EchoGuard(wary=echo_guard == "on") if echo_guard != "off" else None
        if (guard := self._guard) is not None:
            self._listener.lookout.doubts = lambda: guard.doubts
        self._cleaning: Cleaning | None = None
        self._clean(session)

    def listen_over(self, agent_speaks: Callable[[], bool]) -> None:
        """While ``agent_speaks``, a voice is told from the first sign of it."""
        self._listener.lookout.interrupts = agent_speaks

    @property
    def received_ms(self) -> float:
        late = self._cleaning.lag * 1000 / INPUT_RATE if self._cleaning else 0.0
        return self._listener.received_ms + late + self._undecoded_ms

    def configure(self, session: dict[str, Any], changed: frozenset[str]) -> None:
        """Follow a ``session.update``."""
        self._decode()
        if any(name.startswith("audio.input.format") for name in changed):
            self._decoder = InputDecoder(_input(session)["format"]["type"])
        if any(name.startswith("audio.input.turn_detection") for name in changed):
            self._listener.configure(_input(session).get("turn_detection"))
        if "audio.input.noise_reduction" in changed:
            self._clean(session)
        self._understand(session)
        self._wanted_ms = self._listener.wants_ms

    def _understand(self, session: dict[str, Any]) -> None:
        """What the client tells of the speech to come: its language, and words to expect."""
        told: dict[str, Any] = _input(session).get("transcription") or {}
        hints = (told.get("prompt"), ", ".join(told.get("keywords") or ()))
        self.follow()
        self._listener.logprobs = bool(session.get("include"))
        self._listener.prompt = " ".join(hint for hint in hints if hint) or None

    def follow(self) -> None:
        """What the caller speaks may have become known."""
        self._listener.language = self._spoken()

    def push(self, audio: bytes) -> None:
        """Take audio in the session's input format. Frames are decoded together, as soon as there
        is something to hear in them: one by one, it costs twice as much."""
        self._undecoded.append(audio)
        self._undecoded_ms += wire_ms(self._decoder.format, len(audio))
        if self._undecoded_ms >= self._wanted_ms:
            self._decode()
            self._wanted_ms = self._listener.wants_ms

    def _decode(self) -> None:
        if self._undecoded:
            audio = b"".join(self._undecoded)
            self._undecoded.clear()
            self._undecoded_ms = 0.0
            samples = self._decoder.decode(audio)
            if self._cleaning is not None:
                samples = self._cleaning.process(samples, self._listener.kept_from)
            self._listener.push(samples)
            if self._upstream is not None:
                self._upstream.follow(self._listener)
            if self._cleaning is not None and not self._suppressed:
                self._rest_guard()

    def _rest_guard(self) -> None:
        """While nothing is played, a guard costs nothing. A turn that began before is recorded as
        it came."""
        if self._guard is not None and not self._guard.at_work and self._listener.at_rest:
            self._clean_by([])

    def _clean(self, session: dict[str, Any]) -> None:
        """Reduce noise as the session says, from the next sound on."""
        told: dict[str, Any] | None = _input(session).get("noise_reduction")
        self._suppressed = told is not None and told["strength"] > 0 and noise.available()
        cleaners: list[Cleaner] = []
        if told is not None and self._suppressed:
            cleaners.append(noise.NoiseSuppressor(told["type"], told["strength"]))
        if self._guard is not None and (cleaners or self._guard.at_work):
            cleaners.append(self._guard)
        self._clean_by(cleaners)

    def _clean_by(self, cleaners: list[Cleaner]) -> None:
        if self._cleaning is not None:
            self._listener.push(self._cleaning.flush())
        self._cleaning = Cleaning(cleaners, self._listener.received) if cleaners else None

    def played(self, pcm: Pcm, after_ms: float) -> None:
        """24 kHz sound was sent, which begins to be played ``after_ms`` from now."""
        self._wanted_ms = 0.0  # a voice that may be in what is there would interrupt it
        guard = self._guard
        if guard is None or guard.given_up or not self._listener.listens:
            return
        if self._cleaning is None:
            self._clean_by([guard])
        guard.played(pcm, after_ms + self._undecoded_ms)

    def hushed(self) -> None:
        """What was not played yet never will be."""
        if self._guard is not None:
            self._guard.stopped()

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
        if isinstance(stream, Deaf):
            own = self._listener
            stream = self._own.stream(language=own.language, prompt=own.prompt)
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
        if self._upstream is not None:
            self._upstream.forget()

    def over(self, segment: Segment) -> None:
        """The turn that the protocol is about to commit."""
        self._finished = segment

    def take(self) -> Segment | None:
        """The speech that was just committed: the detected turn, or all there is, if anything."""
        segment, self._finished = self._finished, None
        if segment is None:
            self._decode()
            segment = self._listener.commit()
        if segment is None or self._cleaning is None:
            return segment
        begin = segment.start_ms * INPUT_RATE // 1000
        return replace(segment, original=self._cleaning.original(begin, segment.audio))

    def passed_over(self) -> None:
        """The protocol had no use for the turn that was over."""
        if self._finished is not None and self._upstream is not None:
            self._upstream.forget()
        self._finished = None

    def wall(self, milliseconds: float) -> float:
        """Unix time at which the audio at ``milliseconds`` arrived, for a real-time stream."""
        return self._clock.now() - (self.received_ms - milliseconds) / 1000

    async def aclose(self) -> None:
        """Drop work under way."""
        self._cleaning = None
        await self._listener.aclose()

    def _hear(self, event: ListenerEvent) -> None:
        match event:
            case SpeechStarted(start_ms, spoken_ms):
                self._post(TurnBegun(round(start_ms), round(spoken_ms)))
            case SpeechStopped(segment=segment):
                self._post(TurnOver(segment))
            case _:
                self._post(event)


def language(session: dict[str, Any]) -> str | None:
    """The one language that the client says is spoken, as an ISO-639-1 code."""
    told: dict[str, Any] = _input(session).get("transcription") or {}
    among: list[str] = told.get("languages") or []
    return told.get("language") or (among[0] if len(among) == 1 else None)


def _input(session: dict[str, Any]) -> dict[str, Any]:
    return session["audio"]["input"]
