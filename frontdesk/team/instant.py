"""A scripted model for tests, load runs and conformance: no intelligence whatever.

It answers at once and always the same. On the first step of a user turn it calls the tool that
``tool_choice`` names, else the agent's first team tool, if there is one, with made-up arguments
that fit the tool's schema; then it says ``REPLY``, a word at a time, of which ``max_tokens`` may
leave only the first; asked for an answer by a schema, the simplest one, so that as a judge it lets
everything pass. It never hands over, and calls a tool of the client only when it is named, or
when ``tool_choice`` is ``required`` and there is no other.
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from typing import Any, cast

from agents.items import TResponseStreamEvent
from openai.types.responses import (
    Response,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponsePromptParam,
)

from agents import (
    AgentOutputSchemaBase,
    FunctionTool,
    Handoff,
    Model,
    ModelResponse,
    ModelSettings,
    ModelTracing,
    Tool,
    TResponseInputItem,
    Usage,
    generation_span,
)
from frontdesk.team import stream
from frontdesk.team.client_tools import ClientFunctionTool

logger = logging.getLogger(__name__)

REPLY = "Thank you, I have looked that up for you now. Is there anything else you would like today?"
BURST = 4
"""Events that come at once."""
OWN = {"provider": "instant"}
_words = re.compile(r"\S+\s*").findall
TOKENS = _words(REPLY)


class InstantModel(Model):
    """See the module: for tests only, and it says so in the log."""

    def __init__(self) -> None:
        logger.warning("INSTANT MODEL in use: replies are scripted, whatever the caller says")

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
        response = self._response(input, tools, model_settings)
        if output_schema is not None:
            answer = json.dumps(sample(output_schema.json_schema()))
            response.output = [stream.message(answer)]
        return ModelResponse(
            output=response.output,
            usage=Usage(requests=1, output_tokens=len(TOKENS), total_tokens=len(TOKENS)),
            response_id=None,
        )

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
        with generation_span(
            model="instant", model_config=OWN, disabled=tracing.is_disabled()
        ) as span:
            response = self._response(input, tools, model_settings)
            if tracing.include_data():
                span.span_data.output = [item.model_dump() for item in response.output]
            span.span_data.usage = {"input_tokens": 0, "output_tokens": len(TOKENS)}
            for number, event in enumerate(stream.events(response, _words), 1):
                if number % BURST == 0:
                    await asyncio.sleep(0)  # as a model on the network does: others have a turn
                yield event

    def _response(
        self,
        input: str | list[TResponseInputItem],
        tools: list[Tool],
        settings: ModelSettings,
    ) -> Response:
        tool = _chosen_tool(tools, settings.tool_choice)
        item: ResponseFunctionToolCall | ResponseOutputMessage
        if tool is not None and not _after_a_tool(input):
            arguments = json.dumps(sample(tool.params_json_schema))
            item = stream.function_call(tool.name, arguments)
        else:
            said = "".join(TOKENS[: settings.max_tokens])
            item = stream.message(said, cut_short=said != REPLY)
        return stream.response([item], 0, len(TOKENS), model="instant")


def _chosen_tool(tools: list[Tool], choice: object) -> FunctionTool | None:
    functions = [tool for tool in tools if isinstance(tool, FunctionTool)]
    if choice == "required":
        return next(iter(functions), None)
    named = [tool for tool in functions if tool.name == choice]
    return None if choice == "none" else next(iter(named), first_team_tool(tools))


def first_team_tool(tools: list[Tool]) -> FunctionTool | None:
    """The first tool that is ours and not the client's."""
    ours = (tool for tool in tools if isinstance(tool, FunctionTool))
    return next((tool for tool in ours if not isinstance(tool, ClientFunctionTool)), None)


def _after_a_tool(input: str | list[TResponseInputItem]) -> bool:
    if isinstance(input, str) or not input:
        return False
    last = cast("dict[str, Any]", input[-1])
    return last.get("type") == "function_call_output"


def sample(schema: dict[str, Any], root: dict[str, Any] | None = None) -> Any:
    """The simplest value that fits ``schema`` (patterns and formats are not looked at)."""
    root = schema if root is None else root
    if isinstance(reference := schema.get("$ref"), str):
        node: Any = root
        for part in reference.removeprefix("#/").split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
        return sample(node, root)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("enum", "examples"):
        if schema.get(key):
            return schema[key][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return sample(schema[key][0], root)
    return _sample_of_type(schema, root)


def _sample_of_type(schema: dict[str, Any], root: dict[str, Any]) -> Any:
    kinds: Any = schema.get("type")
    match cast("list[str]", kinds)[0] if isinstance(kinds, list) else cast("str | None", kinds):
        case "object":
            properties = schema.get("properties", {})
            return {
                name: sample(properties.get(name, {}), root) for name in schema.get("required", [])
            }
        case "array":
            return [sample(schema.get("items", {}), root)] * schema.get("minItems", 0)
        case "integer" | "number":
            lowest = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
            return min(lowest, schema.get("maximum", lowest))
        case "boolean":
            return True
        case "null":
            return None
        case _:
            text = "example".ljust(schema.get("minLength", 0), "x")
            return text[: schema.get("maxLength", len(text))]
