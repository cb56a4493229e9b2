"""The SDK's `Model`, without a language model: decides by embeddings, speaks by templates."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import date, datetime

from agents.items import TResponseStreamEvent
from openai.types.responses import Response, ResponseOutputItem
from openai.types.responses.response_prompt_param import ResponsePromptParam

from agents import (
    AgentOutputSchemaBase,
    Handoff,
    Model,
    ModelResponse,
    ModelSettings,
    ModelTracing,
    Tool,
    TResponseInputItem,
    Usage,
    UserError,
    generation_span,
)
from frontdesk.team import stream
from frontdesk.team.embedded.decision import Decider, Decision, handoff_target
from frontdesk.team.embedded.embedder import Embedder, shared
from frontdesk.team.embedded.hints import AgentHints
from frontdesk.team.embedded.history import ToolUse, UserTurn, read_history
from frontdesk.team.embedded.offers import Deed, Offer, offers_for
from frontdesk.team.embedded.ranking import Ranker
from frontdesk.team.embedded.saying.results import begun, say_result
from frontdesk.team.events import NOT_DONE


def _today() -> date:
    return datetime.now().astimezone().date()


class EmbeddedModel(Model):
    """Decides an agent's next step from its hints, tools and handoffs alone.

    ``embedder`` defaults to the process's shared MiniLM, loaded at the first decision unless
    `warm_up` was called; ``today`` is what "tomorrow" counts from. Stateless: all it knows of a
    call is in the input items. The same input gives the same words and the same call (ids differ).
    Raises `MissingModel` when the embedding model's packages are not installed, and UserError
    when structured output is asked of it.
    """

    def __init__(
        self,
        hints: AgentHints,
        embedder: Embedder | None = None,
        *,
        today: Callable[[], date] = _today,
    ) -> None:
        self._hints = hints
        self._embedder = embedder
        self._ranker: Ranker | None = None
        self._today = today

    async def warm_up(self) -> None:
        """Load the shared embedder and embed this agent's phrases, so that no caller waits.
        Raises `MissingModel`."""
        await warm_up(self._hints)

    async def get_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        *,
        previous_response_id: str | None,
        conversation_id: str | None,
        prompt: ResponsePromptParam | None,
    ) -> ModelResponse:
        final = await self._respond(input, model_settings, tools, output_schema, handoffs, tracing)
        return ModelResponse(output=final.output, usage=_usage(final), response_id=final.id)

    async def stream_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        *,
        previous_response_id: str | None,
        conversation_id: str | None,
        prompt: ResponsePromptParam | None,
    ) -> AsyncIterator[TResponseStreamEvent]:
        final = await self._respond(input, model_settings, tools, output_schema, handoffs, tracing)
        for event in stream.events(final):
            yield event

    async def decide(
        self,
        input: str | list[TResponseInputItem],
        tools: list[Tool],
        handoffs: list[Handoff],
        tool_choice: str | None = None,
    ) -> Decision:
        """The next step alone, with its score: for tests, benchmarks and the curious."""
        return await asyncio.to_thread(self._step, input, tools, handoffs, tool_choice)

    async def _respond(
        self,
        given: str | list[TResponseInputItem],
        settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
    ) -> Response:
        if output_schema is not None and not output_schema.is_plain_text():
            raise UserError(
                "the embedded dialogue model speaks plain text only; remove output_type from the "
                "agent or give it another model"
            )
        choice = settings.tool_choice if isinstance(settings.tool_choice, str) else None
        with generation_span(model="embedded", disabled=tracing.is_disabled()) as span:
            # Embedding takes some ten milliseconds of CPU: too long for the loop that moves audio.
            decision = await asyncio.to_thread(self._step, given, tools, handoffs, choice)
            final = self._response(given, decision, settings.max_tokens)
            span.span_data.model_config = {
                "provider": "embedded",
                "step": decision.step,
                "score": round(decision.score, 3),
            }
            span.span_data.usage = {
                "input_tokens": final.usage.input_tokens if final.usage else 0,
                "output_tokens": final.usage.output_tokens if final.usage else 0,
            }
            if tracing.include_data():
                span.span_data.input = (
                    [{"role": "user", "content": given}]
                    if isinstance(given, str)
                    else [dict(item) for item in given]
                )
                span.span_data.output = [item.model_dump() for item in final.output]
            return final

    def _step(
        self,
        given: str | list[TResponseInputItem],
        tools: list[Tool],
        handoffs: list[Handoff],
        tool_choice: str | None,
    ) -> Decision:
        turns = read_history(given)
        offers = offers_for(tools, handoffs, self._hints)
        if turns and (results := _results(turns[-1])):
            return Decision("answer", self._say(results, offers))
        self._ranker = self._ranker or Ranker(self._embedder or shared())
        decider = Decider(self._hints, self._ranker)
        return decider.decide(turns, _chosen(offers, tool_choice), self._today())

    def _say(self, results: list[ToolUse], offers: list[Offer]) -> str:
        own = {offer.name: offer.template for offer in offers if offer.deed is Deed.TOOL}
        templates = {**self._hints.background, **own}
        lines = self._hints.lines
        said = [
            lines.refused
            if (use.output or "").startswith(NOT_DONE)
            else begun(use.output or "", lines)
            or say_result(use.output or "", templates.get(use.name), use.arguments, lines.sorry)
            for use in results
        ]
        return " ".join(dict.fromkeys(said))

    def _response(
        self, given: str | list[TResponseInputItem], decision: Decision, limit: int | None
    ) -> Response:
        count = (self._embedder or shared()).count
        output: ResponseOutputItem
        if decision.step in ("tool", "handoff"):
            arguments = json.dumps(decision.arguments, ensure_ascii=False)
            output = stream.function_call(decision.name, arguments)
            said = arguments
        else:
            said = within(decision.text, limit, count)
            output = stream.message(said, cut_short=said != decision.text)
        turns = read_history(given)
        tokens_in = count(turns[-1].text) if turns else 0
        return stream.response([output], tokens_in, count(said), model="embedded")


def within(text: str, limit: int | None, count: Callable[[str], int]) -> str:
    """The words of ``text``, from its start, that make up ``limit`` tokens at most."""
    while limit is not None and text and count(text) > limit:
        text = text.rstrip().rpartition(" ")[0]
    return text


def _results(turn: UserTurn) -> list[ToolUse]:
    """Tool outputs that nothing has been said about yet; none when a handoff came after them."""
    fresh = [use for use in turn.unanswered if use.output is not None]
    if not fresh or handoff_target(fresh[-1]):
        return []
    return [use for use in fresh if not handoff_target(use)]


def _chosen(offers: list[Offer], tool_choice: str | None) -> list[Offer]:
    """What ``tool_choice`` leaves: "none" no calls, a name that tool alone."""
    if tool_choice == "none":
        return [offer for offer in offers if offer.deed is Deed.ANSWER]
    if tool_choice == "required":
        return [offer for offer in offers if offer.deed is not Deed.ANSWER]
    if tool_choice in (None, "auto"):
        return offers
    return [offer for offer in offers if offer.name == tool_choice]


def _usage(final: Response) -> Usage:
    usage = final.usage
    if usage is None:
        return Usage(requests=1)
    return Usage(
        requests=1,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        total_tokens=usage.total_tokens,
        input_tokens_details=usage.input_tokens_details,
        output_tokens_details=usage.output_tokens_details,
    )


async def warm_up(*hints: AgentHints) -> None:
    """Load the shared embedder, and embed the phrases of ``hints``, before the first call."""

    def load() -> None:
        embedder = shared()
        ranker = Ranker(embedder)
        for one in hints:
            offers = offers_for([], [], one)
            texts = [text for offer in offers for text in offer.examples]
            texts += [text for phrases in one.tools.values() for text in phrases.examples]
            for target in one.targets.values():
                texts += [target.description, *target.near, *target.far]
            ranker.similarity("hello", texts)
        ranker.sort("hello", [])

    await asyncio.to_thread(load)
