"""The call's side of its line to a realtime model: what the caller says goes up, what was heard of
the model's answers is told it."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from frontdesk.call.live_team import LiveTeam
from frontdesk.call.playback import Source
from frontdesk.team.realtime.line import Line
from frontdesk.team.realtime.upstream import Upstream, hears
from frontdesk.voice.audio import samples_to_int16
from frontdesk.voice.base import INPUT_RATE, OUTPUT_RATE, Samples, SpeechError, Transcript
from frontdesk.voice.listener import Listener
from frontdesk.voice.resample import Resampler
from frontdesk.voice.segment import Segment

PIECE = INPUT_RATE
"""Most samples (1 s) in a frame upstream: OpenAI takes 15 MiB."""
LEAST = INPUT_RATE // 10
"""Samples (100 ms) that are worth a frame while somebody speaks."""
WORDS = 4.0
"""Seconds to wait for the words of what was said, before our own transcriber is asked."""


class CallUpstream:
    """Owned by the call: its writer calls every method but :meth:`words`."""

    def __init__(self, live_team: LiveTeam, upstream: Upstream) -> None:
        self.line = Line(upstream)
        self._own = live_team.voice.stt.name
        self._hears = hears(live_team.loaded.team)
        self._turn: int | None = None
        self._sent = 0
        self._up = Resampler(INPUT_RATE, OUTPUT_RATE)

    def begin(self) -> None:
        """The call begins."""
        self.line.open()

    def follow(self, listener: Listener) -> None:
        """Somebody may be speaking: the model hears it while it is said."""
        begin = listener.turn_begin
        if begin is None or not self._hears or self._turn not in (None, begin):
            return  # the turn before is not settled yet: this one is sent from its begin, later
        if self._turn is None:
            self._turn = self._sent = begin
        samples = listener.since(self._sent)
        if len(samples) >= LEAST:
            self._send(samples)

    def committed(self, item_id: str, segment: Segment) -> None:
        """The caller's speech became an item: the model has heard it by now."""
        if not self._hears:
            return
        begin = segment.start_ms * INPUT_RATE // 1000
        if self._turn != begin:
            self.forget()
            self._sent = begin
        self._send(segment.audio[self._sent - begin :])
        self._hear(self._up.flush())
        self._turn = None
        self.line.commit(item_id)

    def forget(self) -> None:
        """What was said since the last commit is nothing."""
        if self._turn is not None:
            self._up.flush()
            self._turn = None
            self.line.forget()

    def _send(self, samples: Samples) -> None:
        self._sent += len(samples)
        for at in range(0, len(samples), PIECE):
            self._hear(self._up(samples[at : at + PIECE]))

    def _hear(self, samples: Samples) -> None:
        if len(samples):
            self.line.hear(samples_to_int16(samples).tobytes())

    @property
    def transcriber(self) -> str:
        """Who tells the caller's words, as traces have it."""
        upstream = self.line.upstream
        return f"{upstream.provider}: {upstream.transcription}" if self.transcribes else self._own

    @property
    def transcribes(self) -> bool:
        """Whether the words of the caller are those that the model understood."""
        return self._hears and self.line.upstream.transcription is not None

    async def words(self, item_id: str, seconds: float) -> Transcript:
        """What the model understood. Raises :class:`~frontdesk.voice.base.SpeechError`."""
        words = None
        with suppress(TimeoutError):
            async with asyncio.timeout(WORDS):
                words = await self.line.words_of(item_id)
        if words is None:
            raise SpeechError(f"{self.line.upstream.name}: no words came of {item_id}")
        return Transcript(words.strip(), seconds)

    def transcribed(self, item_id: str, words: str | None) -> None:
        """The words of an item are known, or that there are none."""
        self.line.worded(item_id, words)

    def heard(self, sources: Mapping[str, Source], until_ms: float) -> None:
        """Of an answer, no more than ``until_ms`` was heard. ``sources``: where in it the items
        upstream are."""
        for item_id, source in sources.items():
            if until_ms < source.end_ms:
                heard_ms = source.at_ms + max(0.0, until_ms - source.begin_ms)
                self.line.cut(item_id, round(heard_ms))

    async def aclose(self) -> None:
        """The call is over."""
        await self.line.aclose()
