"""The realtime model upstream as a model of the Agents SDK, one for each agent.

A step of a run is an answer upstream: its words come as text, its sound as audio deltas, its tool
calls as calls. So the SDK runs our tools, guardrails, approvals and handoffs around it as around
any other model. Runs that are on no line (background work, text beside the conversation) go to the
agent's own model, and so does a step that the model upstream fails before anything was said.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, cast

import pybase64
from agents.items import TResponseStreamEvent
from agents.realtime import (
    RealtimeModelAudioEvent,
    RealtimeModelOutputTextDeltaEvent,
    RealtimeModelToolCallEvent,
    RealtimeModelTranscriptDeltaEvent,
    RealtimeModelUsageEvent,
    RealtimeSessionModelSettings,
)
from openai.types.responses import ResponseFunctionToolCall, ResponseUsage
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from agents import (
    AgentOutputSchemaBase,
    GenerationSpanData,
    Handoff,
    Model,
    ModelResponse,
    ModelSettings,
    ModelTracing,
    Span,
    SpanError,
    Tool,
    TResponseInputItem,
    custom_span,
    generation_span,
)
from frontdesk.team import stream
from frontdesk.team.build import TeamAgent
from frontdesk.team.chain import ATTEMPT
from frontdesk.team.events import TurnRequest
from frontdesk.team.guardrails.build import Guardrails
from frontdesk.team.history import without_images
from frontdesk.team.realtime.connection import Ended, Output, UpstreamError
from frontdesk.team.realtime.line import Line, Question
from frontdesk.team.realtime.sound import sound_delta, word_delta
from frontdesk.team.realtime.upstream import COOLDOWN, Upstream, style_of


@dataclass(frozen=True, slots=True)
class OnLine:
    """A run that is answered upstream. ``aloud``: it is spoken there, at ``speed``; ``run`` is its
    number on the line."""

    line: Line
    aloud: bool
    speed: float
    run: int


ON_LINE: ContextVar[OnLine | None] = ContextVar("on_line", default=None)
"""The line of the run that is under way."""


def on_line_of(request: TurnRequest) -> OnLine | None:
    """The line that a run is to be answered on, if there is one."""
    line = request.line
    if line is None:
        return None
    line.runs += 1
    return OnLine(line, request.aloud, request.speed, line.runs)


def put_before(
    agents: Mapping[str, TeamAgent],
    upstream: Upstream,
    guardrails: Guardrails,
    first_word: Callable[[str, float], None],
) -> None:
    """Have ``upstream`` answer for the agents. It speaks where no guardrail may change its words:
    those are said by the team's own voice."""
    for name, agent in agents.items():
        agent.model = UpstreamModel(
            cast("Model", agent.model),
            upstream,
            speaks=all(guard.mode != "replace" for guard in guardrails.output(name)),
            style=style_of(guardrails.team, name),
            first_word=first_word,
        )


class UpstreamModel(Model):
    """``own`` is the agent's own model, which stands in; ``speaks``: what it says upstream may be
    heard as it is said there. ``style`` is how it is to sound, in plain words. ``first_word`` is
    told, while the span of the step is current, who answered and after how many seconds."""

    def __init__(
        self,
        own: Model,
        upstream: Upstream,
        *,
        speaks: bool,
        style: str | None,
        first_word: Callable[[str, float], None],
    ) -> None:
        self.own = own
        self._upstream = upstream
        self._speaks = speaks
        self._style = style
        self._first_word = first_word

    async def warm_up(self) -> None:
        """Load what has to be loaded of the stand-in."""
        if (warm_up := getattr(self.own, "warm_up", None)) is not None:
            await warm_up()

    async def get_response(self, *args: Any, **kwargs: Any) -> ModelResponse:
        """A whole answer at once, which nobody hears: of the agent's own model."""
        return await self.own.get_response(*args, **kwargs)

    async def stream_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        **rest: Any,
    ) -> AsyncIterator[TResponseStreamEvent]:
        on_line = ON_LINE.get()
        history: list[Any] = [_said(input)] if isinstance(input, str) else [*input]
        if on_line is not None and self._upstream.circuit.admits():
            question = Question(
                history,
                self._session(on_line, system_instructions, model_settings, tools, handoffs),
                _response(on_line.aloud and self._speaks, model_settings),
                on_line.run,
            )
            step = _Step(self._upstream, self._first_word)
            try:
                async with aclosing(step.run(on_line.line, question, tracing)) as events:
                    async for event in events:
                        yield event
                return
            except UpstreamError as error:
                if step.told or not self._upstream.falls_back:
                    raise
                self._upstream.circuit.failed(str(error), COOLDOWN)
                _report(self._upstream, error, step.started, tracing)
        if on_line is not None:
            history = without_images(await on_line.line.in_words(history))  # pyright: ignore[reportAssignmentType]
        own = self.own.stream_response(
            system_instructions,
            input if isinstance(input, str) else history,
            model_settings,
            tools,
            output_schema,
            handoffs,
            tracing,
            **rest,
        )
        async with aclosing(cast("AsyncGenerator[TResponseStreamEvent]", own)) as events:
            async for event in events:
                yield event

    def _session(
        self,
        on_line: OnLine,
        instructions: str | None,
        settings: ModelSettings,
        tools: list[Tool],
        handoffs: list[Handoff],
    ) -> RealtimeSessionModelSettings:
        session: Any = {**self._upstream.config.get("initial_model_settings", {})}
        manner = f"Your manner of speaking: {self._style}" if self._style else None
        session["instructions"] = "\n\n".join(filter(None, (instructions, manner)))
        session["tools"], session["handoffs"] = tools, handoffs
        session["speed"] = on_line.speed
        if settings.parallel_tool_calls is not None:
            session["parallel_tool_calls"] = settings.parallel_tool_calls
        if settings.reasoning is not None and settings.reasoning.effort:
            session["reasoning"] = {"effort": settings.reasoning.effort}
        return session


@dataclass
class _Step:
    """One answer upstream, as the events of a Responses stream."""

    upstream: Upstream
    first_word: Callable[[str, float], None]
    told: bool = False
    """Whether the caller may have heard of it."""
    started: int = field(default_factory=time.time_ns)
    _words: dict[str, str] = field(default_factory=dict[str, str])
    _calls: list[ResponseFunctionToolCall] = field(default_factory=list[ResponseFunctionToolCall])
    _usage: ResponseUsage | None = None

    async def run(
        self, line: Line, question: Question, tracing: ModelTracing
    ) -> AsyncGenerator[TResponseStreamEvent]:
        """Raises :class:`UpstreamError`."""
        with generation_span(
            model=self.upstream.model,
            model_config={"provider": self.upstream.provider},
            disabled=tracing.is_disabled(),
        ) as span:
            if tracing.include_data():
                span.span_data.input = cast("Any", question.history)
            try:
                async with aclosing(line.ask(question)) as events:
                    async for event in events:
                        async for told in self._take(event, span, tracing):
                            yield told
            except UpstreamError as error:
                span.set_error(SpanError(message=str(error), data={"kind": error.kind}))
                raise
            except BaseException:  # whoever asked was called off, and knows nothing
                self.upstream.circuit.given_up()
                raise
        self.upstream.circuit.answered()

    async def _take(
        self, event: Output | Ended, span: Span[GenerationSpanData], tracing: ModelTracing
    ) -> AsyncGenerator[TResponseStreamEvent]:
        match event:
            case RealtimeModelTranscriptDeltaEvent(item_id=item_id, delta=delta):
                self._begun()
                self._words[item_id] = self._words.get(item_id, "") + delta
                yield word_delta(item_id, delta, spoken=True)
            case RealtimeModelOutputTextDeltaEvent(item_id=item_id, delta=delta):
                self._begun()
                self._words[item_id] = self._words.get(item_id, "") + delta
                yield word_delta(item_id, delta, spoken=False)
            case RealtimeModelAudioEvent():
                self._begun()
                self._words.setdefault(event.item_id, "")
                yield sound_delta(event.item_id, pybase64.b64encode(event.data).decode())
            case RealtimeModelToolCallEvent():
                called = stream.function_call(event.name, event.arguments)
                self._calls.append(called.model_copy(update={"call_id": event.call_id}))
            case RealtimeModelUsageEvent():
                self._usage = _used(event)
                span.span_data.usage = self._usage.model_dump()
            case Ended():
                final = self._final(event)
                if tracing.include_data():
                    span.span_data.output = [item.model_dump() for item in final.output]
                for told in stream.ending(final):
                    yield told

    def _begun(self) -> None:
        if not self.told:
            self.told = True
            self.first_word(self.upstream.provider, (time.time_ns() - self.started) / 1e9)

    def _final(self, ended: Ended) -> Any:
        messages = [
            stream.message(words, cut_short=ended.cut_short)
            for words in self._words.values()
            if words.strip()
        ]
        final = stream.response([*messages, *self._calls], 0, 0, model=self.upstream.model)
        return final.model_copy(update={"usage": self._usage}) if self._usage else final


def _response(aloud: bool, settings: ModelSettings) -> dict[str, Any]:
    """What is said of this one answer."""
    asked: dict[str, Any] = {"output_modalities": ["audio" if aloud else "text"]}
    if settings.max_tokens is not None:
        asked["max_output_tokens"] = settings.max_tokens
    choice = settings.tool_choice
    if choice in ("auto", "required", "none"):
        asked["tool_choice"] = choice
    elif isinstance(choice, str):
        asked["tool_choice"] = {"type": "function", "name": choice}
    return asked


def _used(event: RealtimeModelUsageEvent) -> ResponseUsage:
    """Tokens, those of sound apart where the provider tells."""
    given, made = event.input_tokens_details, event.output_tokens_details
    cached = (given and given.cached_tokens) or 0
    read: dict[str, Any] = {"audio_tokens": given and given.audio_tokens}
    written: dict[str, Any] = {"audio_tokens": made and made.audio_tokens}
    return ResponseUsage(
        input_tokens=event.usage.input_tokens,
        output_tokens=event.usage.output_tokens,
        total_tokens=event.usage.total_tokens,
        input_tokens_details=InputTokensDetails(cache_write_tokens=0, cached_tokens=cached, **read),
        output_tokens_details=OutputTokensDetails(reasoning_tokens=0, **written),
    )


def _report(upstream: Upstream, error: UpstreamError, started: int, tracing: ModelTracing) -> None:
    """An answer upstream came to nothing, and the agent's own model is asked."""
    data = {"model": upstream.model, "attempt": 1, "started": started, "wait": None}
    with custom_span(ATTEMPT, {**data, "kind": error.kind}, disabled=tracing.is_disabled()) as span:
        span.set_error(SpanError(message=str(error), data=None))


def _said(words: str) -> TResponseInputItem:
    return {"role": "user", "content": words}
