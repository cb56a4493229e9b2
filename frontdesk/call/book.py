"""The call's record: its state, the log that state is folded from, the sound beside the trace."""

import asyncio
from collections.abc import Callable
from typing import Any, Literal, Self

from frontdesk.call.clock import Clock
from frontdesk.patience import Wait
from frontdesk.state.entries import CallState
from frontdesk.state.errors import Fenced
from frontdesk.state.fold import apply
from frontdesk.state.writer import LogWriter
from frontdesk.tracing.calls import AudioStore
from frontdesk.voice.base import INPUT_RATE, Samples, SpeechError
from frontdesk.voice.g711 import Pcm


class CallBook:
    """Written by the call's one writer only. Never waits: the log is flushed behind its back."""

    def __init__(self, state: CallState, log: LogWriter, audio: AudioStore, clock: Clock) -> None:
        self.state = state
        self._log = log
        self._audio = audio
        self._clock = clock

    def record(self, kind: str, **fields: Any) -> None:
        """Add an entry (kinds: :mod:`frontdesk.state.entries`) and fold it into the state. Raises
        ``ValueError``, and changes neither, when it could not be read back."""
        entry = {"kind": kind, "at": self._clock.now(), **fields}
        self._log.put(entry)
        apply(self.state, entry)

    def tell(self, n: int, kind: str, frame: bytes, *, tools: bool) -> None:
        """Have an event that clients are told kept for those who miss it, behind the entries
        recorded before it."""
        self._log.tell(n, kind, frame, tools=tools)

    @property
    def epoch(self) -> int:
        """Of the lease that the call is written under."""
        return self._log.epoch

    def fence(self, epoch: int) -> None:
        """The call was claimed at this epoch: if that is a later one than ours, it is lost."""
        if epoch > self._log.epoch:
            words = f"call {self.state.call_id} was claimed by another worker"
            self._log.fence(Fenced(words))

    @property
    def on_record(self) -> bool:
        """Whether the store has acknowledged all that was recorded, or never will."""
        return self._log.settled

    @property
    def resumable(self) -> bool:
        """Whether the store has what the call's resume tokens are known by."""
        return self._log.state.resume_key == self.state.resume_key

    def hurry(self) -> None:
        """Somebody waits for what was recorded: have it written at once."""
        self._log.hurry()

    def when_recorded(self, seconds: float, do: Callable[[bool], None]) -> None:
        """Have ``do`` called where all that was recorded so far is found acknowledged, with True,
        or with False when time ran out. It hurries nothing."""
        self._log.when_settled(Wait(seconds, do).settled)

    async def recorded_within(self, seconds: float) -> bool:
        """Have all that was recorded so far written at once, and wait until it is acknowledged.
        False when time ran out."""
        recorded: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def told(in_time: bool) -> None:
            if not recorded.done():  # whoever waited may have been cancelled
                recorded.set_result(in_time)

        self.when_recorded(seconds, told)
        self.hurry()
        return await recorded

    async def surely_recorded(self, seconds: float) -> bool:
        """As :meth:`recorded_within`, but False, too, when the call can no longer be written."""
        return await self.recorded_within(seconds) and self._log.lost is None

    def keep(
        self,
        role: Literal["caller", "agent"],
        item_id: str,
        samples: Samples | Pcm,
        *,
        rate: int,
        started: float,
    ) -> str | None:
        """Store sound that began at unix time ``started``; returns its address, None if sound is
        not kept."""
        offset = self.offset(started)
        ref = self._audio.put(
            call_id=self.state.call_id,
            role=role,
            samples=samples,
            rate=rate,
            offset_ms=offset,
            item_id=item_id,
        )
        if not ref.uri:
            return None
        where = {"uri": ref.uri, "offset_ms": offset, "seconds": ref.seconds}
        self.record("audio", item_id=item_id, role=role, **where)
        return ref.uri

    async def caller_sound(self, item_id: str) -> Samples:
        """What the caller said in this item, at 16 kHz. Raises :class:`SpeechError` when it is not
        kept here."""
        kept = (a for a in self.state.audio if (a["item_id"], a["role"]) == (item_id, "caller"))
        if (found := next(kept, None)) is None:
            raise SpeechError("the sound was not kept")
        try:
            samples, rate = await asyncio.to_thread(self._audio.sound, found["uri"])
        except (OSError, ValueError) as error:
            raise SpeechError(f"the sound cannot be read here: {error}") from error
        if rate != INPUT_RATE:
            raise SpeechError(f"the sound was kept at {rate} Hz")
        return samples

    def offset(self, wall: float) -> int:
        """Milliseconds since the call was opened, for a unix time."""
        return max(0, round(1000 * (wall - self.state.opened_at)))

    async def __aenter__(self) -> Self:
        await self._log.__aenter__()
        return self

    async def __aexit__(self, *exit: object) -> None:
        """Write what waits, and give the call back."""
        await self._log.__aexit__(*exit)
