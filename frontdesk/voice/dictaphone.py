"""A whole recording on its way to text."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import TypeVar

from frontdesk.desk.voice import TurnDetection
from frontdesk.voice.audio import AudioFileError
from frontdesk.voice.base import SpeechToText, Transcript, begun
from frontdesk.voice.models import VoiceModels
from frontdesk.voice.pieces import Cutter, Piece
from frontdesk.voice.recordings import Recording

T = TypeVar("T")

LONGEST_HOURS = 2
_SHORTEST = 0.1
_PIECE_MS = 10_000
"""Most of a piece's speech: enough to understand it, and soon told to a client that streams."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said from ``start`` to ``end`` (seconds); ``activity`` is the mean probability
    that this is speech."""

    start: float
    end: float
    transcript: Transcript
    activity: float


class Dictaphone:
    """Transcribes one recording piece by piece, as voice activity cuts it by ``rules``.

    ``logprobs`` asks for them, of a model that has them. ``slot`` is held while a piece is
    transcribed: it is what keeps recordings from crowding out the calls. Nothing here blocks the
    event loop."""

    def __init__(
        self,
        models: VoiceModels,
        rules: TurnDetection,
        slot: asyncio.Semaphore,
        *,
        language: str | None = None,
        prompt: str | None = None,
        logprobs: bool = False,
    ) -> None:
        aside = getattr(models.stt, "aside", None)
        self._stt: SpeechToText = aside() if aside else models.stt
        self._slot = slot
        self._language = language
        self._prompt = prompt
        self._logprobs = logprobs
        self._cutter = Cutter(models.activity_factory(), rules, _PIECE_MS)

    @property
    def seconds(self) -> float:
        """Length of the recording as far as it was read."""
        return self._cutter.seconds

    async def listen(self, recording: Recording) -> AsyncGenerator[Heard]:
        """What is said in ``recording``, from its beginning to its end.

        Raises :class:`~frontdesk.voice.audio.AudioFileError` when it is damaged, too short or too
        long, and :class:`~frontdesk.voice.base.SpeechError` when the model fails."""
        blocks = recording.blocks()

        def pieces() -> list[Piece] | None:
            block = next(blocks, None)
            return None if block is None else self._cutter.push(block)

        while (found := await _in_thread(pieces)) is not None:
            if self.seconds > LONGEST_HOURS * 3600:
                raise AudioFileError(f"the recording is longer than {LONGEST_HOURS} hours; cut it")
            for piece in found:
                yield await self._hear(piece)
        if self.seconds < _SHORTEST:
            raise AudioFileError(f"the recording is shorter than {_SHORTEST} seconds")
        for piece in self._cutter.finish():
            yield await self._hear(piece)

    async def _hear(self, piece: Piece) -> Heard:
        async with self._slot:
            stream = begun(
                self._stt, language=self._language, prompt=self._prompt, logprobs=self._logprobs
            )
            try:
                stream.push(piece.audio)
                transcript = await stream.transcript()
            finally:
                await stream.aclose()
        return Heard(piece.start, piece.end, transcript, piece.activity)


async def _in_thread(work: Callable[[], T]) -> T:
    """Like ``asyncio.to_thread``, but cancelled only when the work is over: what it works on may
    be closed then."""
    running = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        raise
