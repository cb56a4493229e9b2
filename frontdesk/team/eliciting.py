"""Lets a server's tool ask the caller something: the run ends at the question, the call goes on."""

import asyncio
from typing import Any

from agents.tool_context import ToolContext

from agents import FunctionTool
from frontdesk.mcp.elicitation import Elicitation, Elicited
from frontdesk.team.context import TurnContext
from frontdesk.team.events import AnswerNeeded
from frontdesk.team.held import HeldCall

WAITS = "Not finished: the server has a question for the caller first."


def may_ask(tool: FunctionTool, server: str) -> None:
    """Let calls of ``tool`` wait for an answer over the end of a run, in place."""
    invoke = tool.on_invoke_tool

    async def held(context: ToolContext[Any], arguments: str) -> Any:
        turn: TurnContext = context.context
        if (calls := turn.held) is None:
            return await invoke(context, arguments)
        call_id = context.tool_call_id
        if (call := calls.get(call_id)) is None:
            call = HeldCall(lambda: invoke(context, arguments), turn.failed)
            calls.hold(call_id, call)
        try:
            elicitation = await call.go_on()
        except asyncio.CancelledError:
            calls.let_go(call_id)
            raise
        if elicitation is None:
            calls.let_go(call_id)
            if call_id in call.failed:
                turn.failed.add(call_id)
            return call.task.result()
        turn.asked[call_id] = AnswerNeeded(
            call_id,
            tool.name,
            arguments,
            context.agent.name if context.agent else "",
            server,
            elicitation.message,
            elicitation.schema,
        )
        return WAITS

    tool.on_invoke_tool = held


async def ask_caller(context: ToolContext[Any], elicitation: Elicitation) -> Elicited:
    """Put a server's question about one tool call, and wait for what comes of it."""
    turn = context.context
    held = turn.held if isinstance(turn, TurnContext) else None
    call = held.get(context.tool_call_id) if held else None
    return Elicited("cancel") if call is None else await call.ask(elicitation)
