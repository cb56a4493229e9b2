"""One response on its way: runs the team, speaks its words, posts what happens to the call.

A reply never touches the call. It is a task that posts events carrying its response id; once the
response is cancelled the task is cancelled, and what it had still posted is dropped by the call.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing

from frontdesk.call.clock import Clock
from frontdesk.call.events import CallEvent, FloorTaken, Remembered, Sound, Words
from frontdesk.call.turn import Turn
from frontdesk.desk.schema import Lines
from frontdesk.protocol.engine import (
    ResponseEnded,
    ResponseFunctionCall,
    ResponseText,
    Usage,
)
from frontdesk.team.events import (
    AgentChanged,
    ClientToolCalled,
    HistoryItem,
    MessageEnded,
    TeamEvent,
    TextDelta,
    ToolEnded,
    ToolStarted,
    TurnEnded,
    TurnFailed,
    TurnRequest,
)
from frontdesk.voice.base import SpeechError
from frontdesk.voice.speaker import Speaker

logger = logging.getLogger(__name__)

QUICK = 0.25
"""Seconds a tool may run before its waiting line is thought of: most answer sooner."""

SILENCE = 0.7
"""Seconds without a sound from either side after which the waiting line of a running tool is
spoken. People leave gaps of about 0.2 s and ask whether anyone is there after a second or two."""

RunTeam = Callable[[TurnRequest], AsyncGenerator[TeamEvent]]
SpeakerFor = Callable[[str], Speaker]


class _Passage:
    """Words of one agent, spoken in one go: a stream of deltas."""

    def __init__(self, agent: str) -> None:
        self.agent = agent
        self._deltas: asyncio.Queue[str | None] = asyncio.Queue()

    def add(self, delta: str) -> None:
        self._deltas.put_nowait(delta)

    def close(self) -> None:
        self._deltas.put_nowait(None)

    async def deltas(self) -> AsyncIterator[str]:
        while (delta := await self._deltas.get()) is not None:
            yield delta


class Reply:
    """Makes one response. ``speaker_for`` is None in a text response."""

    def __init__(
        self,
        response_id: str,
        request: Callable[[], Awaitable[TurnRequest | None]],
        *,
        run_team: RunTeam,
        speaker_for: SpeakerFor | None,
        silent_for: Callable[[], float],
        lines: Lines,
        turn: Turn,
        clock: Clock,
        post: Callable[[CallEvent], None],
    ) -> None:
        self.response_id = response_id
        self.turn = turn
        self._request = request
        self._run_team = run_team
        self._speaker_for = speaker_for
        self._silent_for = silent_for
        self._lines = lines
        self._clock = clock
        self._post = post
        self._passages: asyncio.Queue[_Passage | None] = asyncio.Queue()
        self._passage: _Passage | None = None
        self._client_calls: list[ClientToolCalled] = []
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self._usage = Usage()
        self._agent = ""
        self._words = 0

    async def run(self) -> None:
        """Make the response; always posts exactly one ``ResponseEnded`` unless cancelled."""
        with self.turn.trace.use():
            speaking = asyncio.create_task(self._speak())
            try:
                failed = await self._think()
                self._close_passage()
                self._passages.put_nowait(None)
                await speaking
            except SpeechError as error:
                logger.warning("speech failed", exc_info=error)
                failed = {"code": "speech_error", "message": "The reply could not be spoken."}
                self.turn.failed(f"speech: {error}")
            finally:
                speaking.cancel()
                for task in self._waiting.values():
                    task.cancel()
        for call in self._client_calls:
            self._post(
                ResponseFunctionCall(self.response_id, call.call_id, call.name, call.arguments)
            )
        status = "failed" if failed else "completed"
        self._post(ResponseEnded(self.response_id, status=status, error=failed, usage=self._usage))

    async def _think(self) -> dict[str, str] | None:
        """Run the team. A failure is spoken as the desk's apology, and only then an error if
        even that cannot be said."""
        try:
            request = await self._request()
            if request is None:
                self._say(self._lines.unheard, self._agent)
                return None
            self._agent = request.agent
            async with aclosing(self._run_team(request)) as events:
                async for event in events:
                    self._take(event)
        except TurnFailed as error:
            logger.warning("turn failed: %s", error)
            self.turn.failed(str(error), code=error.code)
            self._close_passage()
            self._say(self._lines.sorry, self._agent)
        if not self._words and not self._client_calls:
            self.turn.failed("the model gave no words", code="empty_reply")
            self._say(self._lines.sorry, self._agent)
        return None

    def _take(self, event: TeamEvent) -> None:
        match event:
            case TextDelta(text, agent):
                self._say(text, agent)
            case MessageEnded():
                self._close_passage()
            case AgentChanged(agent, previous, say):
                if say:
                    self._say(say, previous)
                self._close_passage()
                self._agent = agent
                self._post(FloorTaken(self.response_id, agent, previous))
            case ToolStarted(call_id=call_id, waiting=waiting):
                self._close_passage()
                if waiting and self._speaker_for is not None:
                    self._waiting[call_id] = asyncio.create_task(self._wait_aloud(waiting))
            case ToolEnded(call_id=call_id):
                if task := self._waiting.pop(call_id, None):
                    task.cancel()
            case HistoryItem(item):
                self._post(Remembered(self.response_id, item))
            case ClientToolCalled():
                self._client_calls.append(event)
            case TurnEnded():
                self._usage = Usage(
                    input_text=event.input_tokens,
                    cached=event.cached_tokens,
                    output_text=event.output_tokens,
                )
            case _:
                pass

    async def _wait_aloud(self, line: str) -> None:
        """Say that it takes a while, once it has been silent for a moment."""
        await self._clock.sleep(QUICK)
        while (silent := self._silent_for()) < SILENCE:
            await self._clock.sleep(SILENCE - silent)  # a play head has no event to wait for
        self._close_passage()
        self._say(line, self._agent)
        self._close_passage()

    def _say(self, text: str, agent: str) -> None:
        self._words += len(text.strip())
        if self._passage is None or self._passage.agent != agent:
            self._close_passage()
            self._passage = _Passage(agent)
            self._passages.put_nowait(self._passage)
        self._passage.add(text)

    def _close_passage(self) -> None:
        if self._passage is not None:
            self._passage.close()
            self._passage = None

    async def _speak(self) -> None:
        """Passages in order, as text or as speech."""
        first = True
        while (passage := await self._passages.get()) is not None:
            if self._speaker_for is None:
                await self._write(passage, first)
            else:
                await self._voice(passage, self._speaker_for(passage.agent), first)
            first = False

    async def _write(self, passage: _Passage, first: bool) -> None:
        lead = "" if first else " "
        async for delta in passage.deltas():
            self._post(ResponseText(self.response_id, lead + delta))
            self.turn.wrote(lead + delta)
            lead = ""

    async def _voice(self, passage: _Passage, speaker: Speaker, first: bool) -> None:
        lead = "" if first else " "
        asked = self._clock.now()
        async with aclosing(speaker.speak(passage.deltas())) as speech:
            async for spoken in speech:
                if spoken.first_of_clause:
                    self._post(Words(self.response_id, lead + spoken.text))
                    lead = ""
                self.turn.spoke(spoken, asked, passage.agent)
                self._post(Sound(self.response_id, spoken.audio, spoken.last_of_clause))
                if spoken.last_of_clause:
                    asked = self._clock.now()
