"""One response on its way: runs the team, speaks its words, posts what happens to the call.

A reply never touches the call. It is a task that posts events carrying its response id; once the
response is cancelled the task is cancelled, and what it had still posted is dropped by the call.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, cast

from frontdesk.call.clock import Clock
from frontdesk.call.context import image_tokens
from frontdesk.call.dead_air import DeadAir
from frontdesk.call.events import (
    CallEvent,
    FloorTaken,
    Remembered,
    Sound,
    SummaryMade,
    Withheld,
    Words,
)
from frontdesk.call.guarding import Blocked, Guarding
from frontdesk.call.request import Unanswerable
from frontdesk.call.turn import Turn
from frontdesk.desk.schema import Lines
from frontdesk.protocol.engine import (
    ResponseEnded,
    ResponseFunctionCall,
    ResponseMcpCall,
    ResponseText,
    ResponseUsage,
    Usage,
)
from frontdesk.team.events import (
    AgentChanged,
    ClientMcpCalled,
    ClientToolCalled,
    Guarded,
    HistoryItem,
    MessageEnded,
    SummedUp,
    TeamEvent,
    TextDelta,
    TokensUsed,
    ToolEnded,
    ToolStarted,
    TurnEnded,
    TurnFailed,
    TurnRequest,
)
from frontdesk.team.guardrails.guard import Guard
from frontdesk.voice.base import SpeechError
from frontdesk.voice.cutting import closing
from frontdesk.voice.speaker import Speaker, Spoken

logger = logging.getLogger(__name__)

QUICK = 0.25
"""Seconds a tool may run before its waiting line is thought of: most answer sooner."""

SILENCE = 0.7
"""Seconds without a sound from either side after which the waiting line of a running tool is
spoken. People leave gaps of about 0.2 s and ask whether anyone is there after a second or two."""

RunTeam = Callable[[TurnRequest], AsyncGenerator[TeamEvent]]
SpeakerFor = Callable[[str], Speaker]


class _Passage:
    """Words of one agent, spoken in one go: a stream of deltas. ``watched``: they are a model's or
    a tool's, and go by the agent's guardrails."""

    def __init__(self, agent: str, *, watched: bool = False) -> None:
        self.agent = agent
        self.watched = watched
        self._deltas: asyncio.Queue[str | None] = asyncio.Queue()

    def add(self, delta: str) -> None:
        self._deltas.put_nowait(delta)

    def close(self) -> None:
        self._deltas.put_nowait(None)

    async def deltas(self) -> AsyncIterator[str]:
        while (delta := await self._deltas.get()) is not None:
            yield delta


class Reply:
    """Makes one response. ``speaker_for`` is None in a text response; ``agent`` has the floor at
    its begin. What a reply out of band does is not remembered, and gives the floor to nobody."""

    def __init__(
        self,
        response_id: str,
        request: Callable[[], Awaitable[TurnRequest | str]],
        *,
        agent: str,
        out_of_band: bool,
        run_team: RunTeam,
        guarding: Guarding,
        speaker_for: SpeakerFor | None,
        silent_for: Callable[[], float],
        silence: float,
        lines: Lines,
        turn: Turn,
        heard: int,
        clock: Clock,
        post: Callable[[CallEvent], None],
    ) -> None:
        """``request`` gives what to ask the team, or a line to say in its place; it raises
        :class:`Unanswerable` when there is no asking. ``silence``: seconds of it after which
        the caller is told that it takes longer. ``heard``: audio tokens of what is answered."""
        self.response_id = response_id
        self.turn = turn
        self.answering: TurnRequest | None = None
        """What the team was asked, once it is known."""
        self._request = request
        self._agent = agent
        self._out_of_band = out_of_band
        self._run_team = run_team
        self._guarding = guarding
        self._asked: tuple[str, ...] = ()
        self._tasks: asyncio.TaskGroup
        self._speaker_for = speaker_for
        self._silent_for = silent_for
        self._lines = lines
        self._clock = clock
        self._post = post
        self._dead_air = DeadAir(
            silent_for,
            None if speaker_for is None or out_of_band else silence,
            lines.slow,
            turn=turn,
            clock=clock,
            say=self._say_between,
        )
        self._passages: asyncio.Queue[_Passage | None] = asyncio.Queue()
        self._passage: _Passage | None = None
        self._client_calls: list[ClientToolCalled | ClientMcpCalled] = []
        self._running: dict[str, str] = {}
        self._waiting: asyncio.Task[None] | None = None
        self._waited: set[str] = set()
        self._heard = heard
        self._images = 0
        self._refused: dict[str, str] | None = None
        self._cut_short = False
        self._blocked = False
        self._answered = False
        self._wants_space = False
        self._sounded = False

    async def run(self) -> None:
        """Make the response; always posts exactly one ``ResponseEnded`` unless cancelled."""
        failed: dict[str, str] | None = None
        with self.turn.trace.use():
            try:
                with self._dead_air:
                    async with asyncio.TaskGroup() as self._tasks:  # a cancel stops all at once
                        self._tasks.create_task(self._think())
                        self._tasks.create_task(self._speak())
            except* Blocked as blocks:
                failed = await self._refuse(cast("Blocked", blocks.exceptions[0]))
            except* SpeechError as errors:
                error = errors.exceptions[0]
                logger.warning("speech failed", exc_info=error)
                self.turn.failed(str(error), code="speech_error")
                failed = await self._apologise()
        for call in self._client_calls:
            self._post(self._call(call))
        self._post(self._end(failed or self._refused))

    def _call(
        self, call: ClientToolCalled | ClientMcpCalled
    ) -> ResponseFunctionCall | ResponseMcpCall:
        arguments = _valid(call.arguments)
        if isinstance(call, ClientMcpCalled):
            return ResponseMcpCall(self.response_id, call.server_label, call.name, arguments)
        return ResponseFunctionCall(self.response_id, call.call_id, call.name, arguments)

    def _end(self, failed: dict[str, str] | None) -> ResponseEnded:
        if failed:
            return ResponseEnded(self.response_id, "failed", error=failed)
        if self._blocked or self._cut_short:
            reason = "content_filter" if self._blocked else "max_output_tokens"
            return ResponseEnded(self.response_id, "incomplete", reason)
        return ResponseEnded(self.response_id)

    async def _think(self) -> None:
        """Run the team. Its failure is spoken as the desk's apology."""
        try:
            request = await self._known()
            if isinstance(request, str):
                self._say(request, self._agent, watched=False)
            else:
                await self._ask(request)
        except Unanswerable as error:
            self.turn.failed(str(error), code=error.code)
            self._refused = error.fields()
        except TurnFailed as error:
            logger.warning("turn failed: %s", error)
            self.turn.failed(str(error), code=error.code)
            self._close_passage()
            self._say(self._lines.sorry, self._agent, watched=False)
        finally:
            if self._waiting:
                self._waiting.cancel()
        self._close_passage()
        self._passages.put_nowait(None)

    async def _known(self) -> TurnRequest | str:
        """What to ask, once the caller's words are known."""
        doing = self.turn.doing
        doing.hearing = True
        try:
            return await self._request()
        finally:
            doing.hearing = False

    async def _ask(self, request: TurnRequest) -> None:
        self.answering = request
        self._images = image_tokens(cast("list[dict[str, Any]]", request.history))
        self._asked = request.asked
        request = await self._guarding.begin(request)
        cleared = None
        if guards := self._guarding.slow_input(request):
            cleared = asyncio.Event()
            self._tasks.create_task(self._decide(request, guards, cleared))
            request = replace(request, cleared=cast("Callable[[], Awaitable[None]]", cleared.wait))
        async with aclosing(self._run_team(request)) as events:
            async for event in events:
                if cleared is not None and not cleared.is_set():
                    ready = self._clock.now()
                    await cleared.wait()
                    self.turn.held(self._clock.now() - ready)
                self._take(event)
        if not self._answered and not self._client_calls and not self._cut_short:
            self.turn.failed("the model gave no words", code="empty_reply")
            self._close_passage()
            self._say(self._lines.sorry, self._agent, watched=False)

    async def _decide(
        self, request: TurnRequest, guards: Sequence[Guard], cleared: asyncio.Event
    ) -> None:
        """Let the answer out once what the caller said has passed. Raises :class:`Blocked`."""
        await self._guarding.decide(request, guards)
        cleared.set()

    async def _refuse(self, blocked: Blocked) -> dict[str, str] | None:
        """A guardrail stopped the answer: say its line. An error if that cannot be spoken."""
        self._blocked = True
        self._client_calls.clear()
        if blocked.stage == "input" and not self._out_of_band:
            self._post(Withheld(self.response_id, self._asked))
        try:
            await self._perform(_line(self._agent, blocked.line))
        except SpeechError as error:
            self.turn.failed(f"speech: {error}")
            return {"code": "speech_error", "message": "The reply could not be spoken."}
        return None

    async def _apologise(self) -> dict[str, str] | None:
        """The speech model failed: perhaps it can still say so. An error if it cannot."""
        try:
            await self._perform(_line(self._agent, self._lines.sorry))
        except SpeechError as error:
            logger.warning("nor can an apology be spoken: %s", error)
            return {"code": "speech_error", "message": "The reply could not be spoken."}
        return None

    def _take(self, event: TeamEvent) -> None:
        match event:
            case TextDelta(text, agent):
                self._answered = self._answered or bool(text.strip())
                self._say(_valid(text), agent)
            case MessageEnded():
                self._close_passage()
            case AgentChanged():
                self._hand_over(event)
            case SummedUp(text):
                if not self._out_of_band:
                    self._post(SummaryMade(self.response_id, text))
            case ToolStarted(call_id=call_id, name=name, waiting=waiting):
                self.turn.doing.tools[call_id] = name
                self._close_passage()
                if waiting and self._speaker_for is not None:
                    self._tool_started(call_id, waiting)
            case ToolEnded(call_id=call_id):
                self.turn.doing.tools.pop(call_id, None)
                self._tool_ended(call_id)
            case HistoryItem(item):
                if not self._out_of_band:
                    self._post(Remembered(self.response_id, item))
            case Guarded(outcome):
                self.turn.guarded(outcome)
            case ClientToolCalled() | ClientMcpCalled():
                self._client_calls.append(event)
                self.turn.quiet_because("client_tool")
            case TokensUsed():
                self._used(event)
            case TurnEnded():
                self._cut_short = event.cut_short
                self._used(event)
            case _:
                pass

    def _used(self, tokens: TokensUsed | TurnEnded) -> None:
        """Models count images into their input; how much of it they were is an estimate."""
        images = min(self._images, tokens.input_tokens)
        usage = Usage(
            input_text=tokens.input_tokens - images,
            input_audio=self._heard,
            input_image=images,
            cached=tokens.cached_tokens,
            output_text=tokens.output_tokens,
        )
        self._post(ResponseUsage(self.response_id, usage))

    def _hand_over(self, change: AgentChanged) -> None:
        if change.say:
            self._say(change.say, change.previous, watched=False)
        self._close_passage()
        self._agent = change.agent
        self._answered = False  # whoever takes over has to say something
        if not self._out_of_band:
            self._post(
                FloorTaken(
                    self.response_id,
                    change.agent,
                    change.previous,
                    change.history,
                    change.items,
                    self.answering.since if self.answering else None,
                )
            )

    # Waiting for tools

    def _tool_started(self, call_id: str, line: str) -> None:
        self._running[call_id] = line
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.create_task(self._wait_aloud())

    def _tool_ended(self, call_id: str) -> None:
        self._running.pop(call_id, None)
        if self._waiting and not self._running:
            self._waiting.cancel()
            self._waiting = None

    async def _wait_aloud(self) -> None:
        """Say once that it takes a while, when it has been silent for a moment."""
        await self._clock.sleep(QUICK)
        while (silent := self._silent_for()) < SILENCE:
            await self._clock.sleep(SILENCE - silent)  # a play head has no event to wait for
        unsaid = (line for line in self._running.values() if line not in self._waited)
        if line := next(unsaid, None):
            self._waited.add(line)
            self._say_between(line)

    def _say_between(self, line: str) -> None:
        """Speak a line apart from what comes before and after it."""
        self._close_passage()
        self._say(line, self._agent, watched=False)
        self._close_passage()

    # Speaking

    def _say(self, text: str, agent: str, *, watched: bool = True) -> None:
        """Speak ``text``. The desk's own lines are not ``watched`` by guardrails."""
        watched = watched and self._guarding.watches(agent)
        passage = self._passage
        if passage is None or (passage.agent, passage.watched) != (agent, watched):
            self._close_passage()
            passage = self._passage = _Passage(agent, watched=watched)
            self._passages.put_nowait(passage)
        passage.add(text)

    def _close_passage(self) -> None:
        if self._passage is not None:
            self._passage.close()
            self._passage = None

    async def _speak(self) -> None:
        """Passages in order."""
        while (passage := await self._passages.get()) is not None:
            await self._perform(passage)

    async def _perform(self, passage: _Passage) -> None:
        """One passage, as text or as speech. Raises :class:`SpeechError` and :class:`Blocked`."""
        if self._speaker_for is None:
            await self._write(passage)
            return
        try:
            await self._voice(passage, self._speaker_for(passage.agent))
        except (SpeechError, Blocked):
            raise
        except Exception as error:
            logger.exception("the speech model has a defect")
            raise SpeechError(f"{type(error).__name__}: {error}") from error

    async def _write(self, passage: _Passage) -> None:
        begun = False
        pieces = self._checked(passage) if passage.watched else passage.deltas()
        async with closing(pieces):
            async for piece in pieces:
                words = piece if begun else self._spaced(piece)
                self._post(ResponseText(self.response_id, words))
                self.turn.wrote(words)
                begun, self._wants_space = True, not words[-1:].isspace()

    def _checked(self, passage: _Passage) -> AsyncGenerator[str]:
        return self._guarding.checked(passage.deltas(), passage.agent)

    async def _voice(self, passage: _Passage, speaker: Speaker) -> None:
        begun = False
        asked = self._clock.now()
        if passage.watched:
            speech = speaker.say(self._checked(passage))
        else:
            speech = speaker.speak(passage.deltas())
        async with aclosing(speech):
            async for spoken in speech:
                if spoken.first_of_clause:
                    words = spoken.text if begun else self._spaced(spoken.text)
                    self._post(Words(self.response_id, words))
                    begun, self._wants_space = True, not words[-1:].isspace()
                self.turn.spoke(spoken, asked, passage.agent)
                await self._sound(spoken)
                if spoken.last_of_clause:
                    asked = self._clock.now()

    async def _sound(self, spoken: Spoken) -> None:
        """Post sound. The first of a response is on its way before more is made, as making more
        would hold it up."""
        sent = None if self._sounded else asyncio.Event()
        self._post(Sound(self.response_id, spoken.audio, spoken.last_of_clause, sent))
        if sent is not None:
            self._sounded = True
            await sent.wait()

    def _spaced(self, text: str) -> str:
        """The first words of a passage, apart from the last ones of the passage before."""
        return f" {text}" if self._wants_space and not text[:1].isspace() else text


def _line(agent: str, text: str) -> _Passage:
    """A line of the desk's own, whole."""
    passage = _Passage(agent)
    passage.add(text)
    passage.close()
    return passage


def _valid(text: str) -> str:
    """Without lone surrogates, which models do write and JSON frames cannot carry."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
