"""A model with the models that stand in for it.

A caller waits in silence while a model is asked, so an attempt is given up early, a retry comes at
once or not at all, and the next model of the chain is asked instead. Nothing is tried again after
the first word: what a caller has heard can't be taken back.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

from agents.items import ItemHelpers, TResponseStreamEvent
from openai.types.responses import Response, ResponseOutputMessage

from agents import (
    AgentOutputSchemaBase,
    Handoff,
    Model,
    ModelBehaviorError,
    ModelResponse,
    ModelSettings,
    ModelTracing,
    SpanError,
    Tool,
    TResponseInputItem,
    custom_span,
)
from frontdesk.team.attempts import Failure, NoAnswer, failure
from frontdesk.team.circuit import Circuit
from frontdesk.team.history import without_images
from frontdesk.wordless import Words

logger = logging.getLogger(__name__)

ATTEMPT = "model_attempt"
"""Name of the span of an attempt that led to nothing."""
BACKOFF = 0.1
"""Seconds before a retry whose server asks for no other wait."""
LONGEST_WAIT = 2.0
LONGEST_BEFORE_NEXT = 0.3
"""Seconds that a retry may wait at most: alone, and where another model could be asked instead."""
LONGEST_COOLDOWN = 600.0
"""Seconds that a model is left alone at most because its server says so."""
CACHE_KEY = "prompt_cache_key"

BEGUN = frozenset(
    {
        "response.output_text.delta",
        "response.refusal.delta",
        "response.function_call_arguments.delta",
        "response.output_item.added",
    }
)
"""Events by which a model has shown that it answers. (Its thoughts come before them.)"""
TOLD = frozenset(
    {
        "response.output_text.delta",
        "response.refusal.delta",
        "response.completed",
        "response.incomplete",
    }
)
"""Events with which an answer is the caller's. Tool calls are held back until their step is whole:
they are not run before."""


@dataclass(frozen=True, slots=True)
class Link:
    """One model of a chain, by its ``name`` in the team file. Times are in seconds; with
    ``first_token`` None, only the time of the whole step ends an attempt."""

    name: str
    model: Model
    settings: ModelSettings
    circuit: Circuit
    retries: int
    cooldown: float
    first_token: float | None
    sees: bool
    first_word: Callable[[float], None] = lambda seconds: None
    """Told, while the span of the attempt is current, how long the first of an answer took."""


class ModelChain(Model):
    """Asks the first of ``links`` that is not left alone, and the next one when it fails; those
    left alone come last, when nothing else is left."""

    def __init__(self, links: Sequence[Link]) -> None:
        self.links = tuple(links)

    async def warm_up(self) -> None:
        """Load what has to be loaded, the stand-ins too: they are needed in a hurry."""
        for link in self.links:
            if (warm_up := getattr(link.model, "warm_up", None)) is not None:
                await warm_up()

    def _supports_default_prompt_cache_key(self) -> bool:
        """The SDK asks this before it makes a key under which a call's prompts are cached."""
        return any(_takes_cache_key(link.model) for link in self.links)

    async def get_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        **rest: Any,
    ) -> ModelResponse:
        """A whole answer at once, which nobody hears word by word."""
        input = input if isinstance(input, str) else [*input]
        error: Exception | None = None
        for link in self._in_order(tracing):
            for number in itertools.count(1):
                started = time.time_ns()
                try:
                    async with _limit(link):
                        answer = await link.model.get_response(
                            system_instructions,
                            input if link.sees else without_images(input),
                            _settings(link, model_settings),
                            tools,
                            output_schema,
                            handoffs,
                            tracing,
                            **rest,
                        )
                except Exception as raised:
                    error = raised
                else:
                    link.circuit.answered()
                    return answer
                wait = self._failed(link, number, failure(error), started, tracing)
                if wait is None:
                    break
                await asyncio.sleep(wait)
        assert error is not None
        raise error

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
        input = input if isinstance(input, str) else [*input]
        error: Exception | None = None
        for link in self._in_order(tracing):
            for number in itertools.count(1):
                started = time.time_ns()
                stream = link.model.stream_response(
                    system_instructions,
                    input if link.sees else without_images(input),
                    _settings(link, model_settings),
                    tools,
                    output_schema,
                    handoffs,
                    tracing,
                    **rest,
                )
                async with aclosing(cast("AsyncGenerator[TResponseStreamEvent]", stream)):
                    try:
                        held = await _until_told(stream, link, started)
                    except Exception as raised:
                        error = raised
                    else:
                        for event in held:
                            yield event
                        async for event in stream:
                            yield event
                        return
                # Its stream is closed and its span ended: what is told of it stands beside that.
                wait = self._failed(link, number, failure(error), started, tracing)
                if wait is None:
                    break
                await asyncio.sleep(wait)
        assert error is not None
        raise error

    def _in_order(self, tracing: ModelTracing) -> Iterator[Link]:
        resting: list[Link] = []
        for link in self.links:
            if len(self.links) == 1 or link.circuit.admits():
                yield link
            else:
                resting.append(link)
                reason = f"left alone for {link.circuit.left:.1f} s more: {link.circuit.reason}"
                why = Failure("model_skipped", reason, again=False)
                _report(link, 0, why, time.time_ns(), None, tracing)
        yield from resting

    def _failed(
        self, link: Link, number: int, why: Failure, started: int, tracing: ModelTracing
    ) -> float | None:
        """Tell of it. Seconds until the same model is asked again; None when it is not."""
        wait = self._wait(link, number, why)
        _report(link, number, why, started, wait, tracing)
        return wait

    def _wait(self, link: Link, number: int, why: Failure) -> float | None:
        others = any(o is not link and not o.circuit.left for o in self.links)
        wait = BACKOFF if why.wait is None else why.wait
        enough = number > link.retries or (others and why.kind == "model_silent")
        if why.again and not enough and wait <= (LONGEST_BEFORE_NEXT if others else LONGEST_WAIT):
            return wait
        if why.cools:
            link.circuit.failed(why.reason, max(link.cooldown, min(wait, LONGEST_COOLDOWN)))
        return None


@asynccontextmanager
async def _limit(link: Link) -> AsyncGenerator[asyncio.Timeout]:
    """The time that a model has. Raises ``TimeoutError`` when that is over; a caller who cuts in
    leaves the model for others to try."""
    try:
        async with asyncio.timeout(link.first_token) as limit:
            yield limit
    except TimeoutError as error:
        time = f"{link.first_token:g} s" if link.first_token else "its time"
        raise TimeoutError(f"The model {link.name!r} said nothing within {time}.") from error
    except asyncio.CancelledError:
        link.circuit.given_up()
        raise


async def _until_told(
    stream: AsyncIterator[TResponseStreamEvent], link: Link, started: int
) -> list[TResponseStreamEvent]:
    """The events up to the first that the caller gets to know of. Raises what the model raises,
    and ``TimeoutError``."""
    held: list[TResponseStreamEvent] = []
    async with _limit(link) as limit:
        async for event in stream:
            held.append(event)
            if event.type in TOLD and not _is_blank(event):
                link.circuit.answered()
                link.first_word((time.time_ns() - started) / 1e9)
                if event.type == "response.completed" and not _answers(event.response):
                    raise NoAnswer(f"The model {link.name!r} gave no words and no calls.")
                return held
            if event.type in BEGUN and limit.when() is not None:
                limit.reschedule(None)
    raise ModelBehaviorError("The answer broke off before it had begun.")


def _is_blank(event: TResponseStreamEvent) -> bool:
    """Whether it is words without a word in them."""
    delta = getattr(event, "delta", None)
    return isinstance(delta, str) and not delta.strip()


def _answers(response: Response) -> bool:
    """Whether there is anything in it for the caller: thoughts alone are not."""
    for item in response.output:
        if isinstance(item, ResponseOutputMessage):
            text = ItemHelpers.extract_text(item) or ItemHelpers.extract_refusal(item) or ""
            if text.strip():
                return True
        elif item.type != "reasoning":
            return True
    return False


def _settings(link: Link, asked: ModelSettings) -> ModelSettings:
    """The model's own settings, under those of the request."""
    settings = link.settings.resolve(asked)
    if settings.extra_args and not _takes_cache_key(link.model):
        kept = {key: value for key, value in settings.extra_args.items() if key != CACHE_KEY}
        settings = replace(settings, extra_args=kept)
    return settings


def _takes_cache_key(model: Model) -> bool:
    supports = getattr(model, "_supports_default_prompt_cache_key", None)
    return supports is not None and bool(supports())


def _report(
    link: Link, number: int, why: Failure, started: int, wait: float | None, tracing: ModelTracing
) -> None:
    """Tell of an attempt that led to nothing, in the trace and in the log."""
    data = {"model": link.name, "attempt": number, "started": started, "wait": wait}
    with custom_span(ATTEMPT, {**data, "kind": why.kind}, disabled=tracing.is_disabled()) as span:
        span.set_error(SpanError(message=why.reason, data=None))
    if number:
        next_step = f"asked again in {wait:g} s" if wait is not None else "the next one is asked"
        logger.warning(
            "Model %s, attempt %d: %s (%s); %s",
            link.name,
            number,
            Words(why.reason),
            why.kind,
            next_step,
        )
