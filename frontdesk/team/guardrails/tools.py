"""Guardrails of tools, as the Agents SDK has them."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

from agents.tool_context import ToolContext

from agents import (
    Agent,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrail,
    ToolInputGuardrailData,
    ToolOutputGuardrail,
    ToolOutputGuardrailData,
)
from frontdesk.desk.guardrails import ToolGuardrails
from frontdesk.team.context import TurnContext
from frontdesk.team.guardrails.build import Guardrails
from frontdesk.team.guardrails.checking import check
from frontdesk.team.guardrails.guard import Guard
from frontdesk.team.guardrails.passage import Passage, Stage

REFUSED = "The tool was not called: its arguments were refused by the guardrail {name}."
WITHHELD = "The result was withheld by the guardrail {name}. Do not call the tool again for it."


def tool_guardrails(
    guardrails: Guardrails, of: ToolGuardrails
) -> tuple[list[ToolInputGuardrail[Any]] | None, list[ToolOutputGuardrail[Any]] | None]:
    """What the SDK is to run before and after a tool; None where there is nothing."""
    before, after = guardrails.named(of.arguments), guardrails.named(of.results)
    return (
        [ToolInputGuardrail(_arguments(before), name="arguments")] if before else None,
        [ToolOutputGuardrail(_results(after), name="results")] if after else None,
    )


def _arguments(
    guards: tuple[Guard, ...],
) -> Callable[[ToolInputGuardrailData], Awaitable[ToolGuardrailFunctionOutput]]:
    async def run(data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
        context = cast("ToolContext[TurnContext]", data.context)
        given = _passage(context, data.agent, _readable(context.tool_arguments), "arguments")
        checked = await check(guards, given, context.context.guarded)
        if checked.blocked:
            return _refused(context, REFUSED, checked.blocked)
        return ToolGuardrailFunctionOutput.allow()

    return run


def _results(
    guards: tuple[Guard, ...],
) -> Callable[[ToolOutputGuardrailData], Awaitable[ToolGuardrailFunctionOutput]]:
    async def run(data: ToolOutputGuardrailData) -> ToolGuardrailFunctionOutput:
        context = cast("ToolContext[TurnContext]", data.context)
        result = data.output if isinstance(data.output, str) else json.dumps(data.output)
        passage = _passage(context, data.agent, _readable(result), "results")
        checked = await check(guards, passage, context.context.guarded)
        if checked.blocked:
            return _refused(context, WITHHELD, checked.blocked)
        if checked.text == passage.text:
            return ToolGuardrailFunctionOutput.allow()
        kept = await _value_by_value(guards, passage)
        return ToolGuardrailFunctionOutput.reject_content(kept or checked.text)

    return run


def _passage(
    context: ToolContext[TurnContext], agent: Agent[Any], text: str, stage: Stage
) -> Passage:
    turn = context.context
    return Passage(
        text,
        stage,
        agent=agent.name,
        call_id=turn.call_id,
        tool=context.tool_name,
        variables=turn.variables,
    )


def _refused(
    context: ToolContext[TurnContext], words: str, guard: Guard
) -> ToolGuardrailFunctionOutput:
    context.context.failed.add(context.tool_call_id)
    return ToolGuardrailFunctionOutput.reject_content(words.format(name=guard.name))


def _readable(text: str) -> str:
    """JSON with its letters as they are read."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text


async def _value_by_value(guards: tuple[Guard, ...], passage: Passage) -> str | None:
    """A result in JSON with each of its values checked, so that it stays JSON; None when that is
    not enough, or it is none."""
    try:
        result = json.loads(passage.text)
    except ValueError:
        return None
    replacing = tuple(guard for guard in guards if guard.mode == "replace")

    async def clean(value: Any) -> Any:
        match value:
            case dict():
                pairs = cast("dict[str, Any]", value).items()
                return {key: await clean(inner) for key, inner in pairs}
            case list():
                return [await clean(inner) for inner in cast("list[Any]", value)]
            case bool() | None:
                return value
            case _:
                text = str(value)
                checked = await check(replacing, replace(passage, text=text))
                return value if checked.text == text else checked.text

    kept = json.dumps(await clean(result), ensure_ascii=False)
    again = await check(replacing, replace(passage, text=kept))
    return kept if again.text == kept else None
