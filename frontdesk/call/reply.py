"""One response on its way: runs the team, speaks its words, posts what happens to the call.

A reply never touches the call. It is a task that posts events carrying its response id; once the
response is cancelled the task is cancelled, and what it had still posted is dropped by the call.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import cast

from frontdesk.call.answering import Answering
from frontdesk.call.clock import Clock
from frontdesk.call.dead_air import DeadAir
from frontdesk.call.events import (
    CallEvent,
    FloorTaken,
    Remembered,
    SummaryMade,
    Withheld,
)
from frontdesk.call.going_on import Unheard
from frontdesk.call.guarding import Blocked, Guarding
from frontdesk.call.recovery import GoingOn
from frontdesk.call.request import Unanswerable
from frontdesk.call.resuming import Hold, Rest
from frontdesk.call.speaking import SpeakerFor, Speaking
from frontdesk.call.tongue import Tongue
from frontdesk.call.turn import Turn
from frontdesk.call.voiced import Sounding
from frontdesk.call.waiting import Waiting
from frontdesk.protocol.engine import (
    ResponseEnded,
    ResponseFunctionCall,
    ResponseMcpCall,
    ResponseUsage,
    Usage,
)
from frontdesk.team.events import (
    AgentChanged,
    AnswerNeeded,
    ApprovalNeeded,
    ClientMcpCalled,
    ClientToolCalled,
    Guarded,
    HistoryItem,
    MessageEnded,
    SoundDelta,
    SummedUp,
    TeamEvent,
    TextDelta,
    TokensUsed,
    ToolEnded,
    ToolProgress,
    ToolStarted,
    TurnEnded,
    TurnFailed,
    TurnRequest,
)
from frontdesk.team.guardrails.guard import Guard
from frontdesk.voice.base import SpeechError

logger = logging.getLogger(__name__)

RunTeam = Callable[[TurnRequest], AsyncGenerator[TeamEvent]]


class Reply:
    """Makes one response. ``speaker_for`` is None in a text response; ``agent`` has the floor at
    its begin. What a reply out of band does is not remembered, and gives the floor to nobody."""

    def __init__(
        self,
        response_id: str,
        request: Callable[[], Awaitable[TurnRequest | Rest | str]],
        *,
        agent: str,
        out_of_band: bool,
        unasked: bool,
        run_team: RunTeam,
        answering: Answering,
        guarding: Guarding,
        speaker_for: SpeakerFor | None,
        silent_for: Callable[[], float],
        silence: float,
        tongue: Tongue,
        going_on: GoingOn | None,
        rest: Rest | None,
        hold: Hold,
        turn: Turn,
        heard: int,
        clock: Clock,
        post: Callable[[CallEvent], None],
    ) -> None:
        """``request`` gives what to ask the team, or what to say in its place; it raises
        :class:`Unanswerable` when there is no asking. ``unasked``: the agent speaks up.
        ``silence``: seconds of it after which
        the caller is told that it takes longer. ``going_on``: an answer was lost, which this one
        goes on with; ``rest`` is what one that was stopped may leave. ``heard``: audio tokens of
        what is answered."""
        self.response_id = response_id
        self.turn = turn
        self.unheard = Unheard(going_on.said if going_on else "")
        self.answering: TurnRequest | None = None
        """What the team was asked, once it is known."""
        self.rest = rest
        self.hold = hold
        self.used = Usage()
        """By the team's word, until now."""
        self._ended: ResponseEnded | None = None
        self._request = request
        self._agent = agent
        self._out_of_band = out_of_band
        self._run_team = run_team
        self._answering = answering
        self._to_ask: list[ApprovalNeeded | AnswerNeeded] = []
        self._guarding = guarding
        self._asked: tuple[str, ...] = ()
        self._tasks: asyncio.TaskGroup
        self._waiting: Waiting
        self._tongue = tongue
        long = going_on is not None and going_on.pause > silence
        self._back = tongue.lines.back if long and speaker_for is not None else None
        self.unasked = unasked
        """Whether the agent speaks up."""
        self._clock = clock
        self._post = post
        self._silent_for = silent_for
        self._silence = None if speaker_for is None or out_of_band else silence
        self._speaking = Speaking(
            response_id,
            turn=turn,
            hold=hold,
            guarding=guarding,
            speaker_for=speaker_for,
            post=post,
        )
        self._client_calls: list[ClientToolCalled | ClientMcpCalled] = []
        self._heard = heard
        self._images = 0
        self._refused: dict[str, str] | None = None
        self._cut_short = False
        self._blocked = False
        self._answered = False

    def drop_rest(self) -> None:
        """The response is given up, and what it was to go on with."""
        if self.rest is not None:
            self.rest.drop()

    async def run(self) -> None:
        """Make the response; always posts exactly one ``ResponseEnded`` unless cancelled."""
        failed: dict[str, str] | None = None
        self.turn.trace.put_off()
        with self.turn.trace.use():
            try:
                with self._watch():
                    async with asyncio.TaskGroup() as self._tasks:  # a cancel stops all at once
                        self._tasks.create_task(self._think())
                        self._tasks.create_task(self._speaking.run())
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
        if self._ended is not None:
            return self._ended
        if failed:
            return ResponseEnded(self.response_id, "failed", error=failed)
        if self._blocked or self._cut_short:
            reason = "content_filter" if self._blocked else "max_output_tokens"
            return ResponseEnded(self.response_id, "incomplete", reason)
        return ResponseEnded(self.response_id)

    async def _think(self) -> None:
        """Run the team. Its failure is spoken as the desk's apology."""
        self._waiting = self._wait()
        try:
            if self._back:
                self._say_apart(self._back)
            request = await self._known()
            if isinstance(request, Rest):
                await self._go_on_with(request)
            elif isinstance(request, str):
                # Of work in the background, it may be a tool that tells how far it is.
                self._speaking.say(request, self._agent, watched=self.unasked)
            else:
                await self._ask(request)
        except Unanswerable as error:
            self.turn.failed(str(error), code=error.code)
            self._refused = error.fields()
        except TurnFailed as error:
            logger.warning("turn failed: %s", error)
            self.turn.failed(str(error), code=error.code)
            self._say_apart(self._tongue.lines.sorry)
        finally:
            self._waiting.stop()
            del self._waiting  # it knows this reply: a cycle, which nobody would free for long
        self._speaking.end()

    async def _go_on_with(self, rest: Rest) -> None:
        """Say the rest of an answer that was stopped for nothing."""
        self.turn.goes_on(rest.trace, rest.kind)
        async for event in rest.go_on(self.response_id):
            if isinstance(event, ResponseEnded):
                self._ended = event
            else:
                self._post(event)

    def _watch(self) -> DeadAir:
        return DeadAir(
            self._silent_for,
            self._silence,
            self._tongue.lines.slow,
            turn=self.turn,
            clock=self._clock,
            say=self._say_apart,
        )

    def _wait(self) -> Waiting:
        return Waiting(
            self._silent_for,
            clock=self._clock,
            say=self._say_apart,
            tell=lambda words: self._speaking.say_apart(_valid(words), self._agent, watched=True),
        )

    async def _known(self) -> TurnRequest | Rest | str:
        """What to ask, once the caller's words are known."""
        doing = self.turn.doing
        doing.hearing = True
        try:
            return await self._request()
        finally:
            doing.hearing = False

    async def _ask(self, request: TurnRequest) -> None:
        self.answering = request
        self._images = request.size.images
        self.turn.given(request.size)
        if request.agent != self._agent:  # who asked for something carries it out
            self._hand_over(AgentChanged(request.agent, self._agent))
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
        silent = not (self._answered or self._client_calls or self._cut_short or self._to_ask)
        if silent:
            self.turn.failed("the model gave no words", code="empty_reply")
            self._say_apart(self._tongue.lines.sorry)
        if not self._out_of_band:
            await self.hold.free()  # nobody is asked who has the word
            await self._ask_caller()

    async def _ask_caller(self) -> None:
        """What came up in this response, or stands open from before, is put at its end."""
        answered = self._answered and not (self._client_calls or self._cut_short)
        question = await self._answering.ask(
            self.response_id, self._to_ask, self.turn, answered=answered
        )
        if question:
            self._say_apart(question)

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
            await self._speaking.line(self._agent, blocked.line)
        except SpeechError as error:
            self.turn.failed(f"speech: {error}")
            return {"code": "speech_error", "message": "The reply could not be spoken."}
        return None

    async def _apologise(self) -> dict[str, str] | None:
        """The speech model failed: perhaps it can still say so. An error if it cannot."""
        try:
            await self._speaking.line(self._agent, self._tongue.lines.sorry)
        except SpeechError as error:
            logger.warning("nor can an apology be spoken: %s", error)
            return {"code": "speech_error", "message": "The reply could not be spoken."}
        return None

    def _take(self, event: TeamEvent) -> None:
        match event:
            case TextDelta(text, agent, spoken):
                self._answered = self._answered or bool(text.strip())
                if new := self.unheard.add(_valid(text)):
                    self._speaking.say(new, agent, watched=True, voiced=spoken)
            case SoundDelta(audio, agent, source):
                self._answered = True
                self._speaking.say(Sounding(audio, source), agent, watched=True, voiced=True)
            case MessageEnded():
                if new := self.unheard.end():
                    self._speaking.say(new, self._agent, watched=True)
                self._speaking.pause()
            case AgentChanged():
                self._hand_over(event)
            case SummedUp(text):
                if not self._out_of_band:
                    self._post(SummaryMade(self.response_id, text))
            case ToolStarted(call_id=call_id, name=name, waiting=waiting):
                self.turn.doing.tools[call_id] = name
                self._speaking.pause()
                if waiting and self._speaking.aloud:
                    self._waiting.begun(call_id, waiting, tells=event.tells)
            case ToolProgress(call_id, message):
                self._waiting.progress(call_id, message)
            case ToolEnded(call_id=call_id):
                self.turn.doing.tools.pop(call_id, None)
                self._waiting.over(call_id)
            case ApprovalNeeded() | AnswerNeeded():
                self._waiting.over(event.call_id)
                self._to_ask.append(event)
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
        self.used = usage
        self._post(ResponseUsage(self.response_id, usage))

    def _hand_over(self, change: AgentChanged) -> None:
        if change.say:
            self._speaking.say(change.say, change.previous, watched=False)
        self._speaking.pause()
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

    def _say_apart(self, line: str) -> None:
        """A line of the desk's own."""
        self._speaking.say_apart(line, self._agent, watched=False)


def _valid(text: str) -> str:
    """Without lone surrogates, which models do write and JSON frames cannot carry."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
