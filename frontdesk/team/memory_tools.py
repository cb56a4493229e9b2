"""What every agent can do about what is remembered of the caller: look it up, and forget it."""

import json
from typing import Annotated

from agents.tool_context import ToolContext
from pydantic import Field

from agents import FunctionTool, Tool, function_tool
from frontdesk.desk.approvals import Rule
from frontdesk.desk.languages import memory_lines_in
from frontdesk.desk.memory import Memory
from frontdesk.desk.schema import Phrases, Team
from frontdesk.team.approvals import ask_first
from frontdesk.team.context import TurnContext
from frontdesk.team.failures import ToolError, tool_failure

RECALL, FORGET = "recall_earlier_call", "forget_caller"


def memory_tools(team: Team) -> tuple[Tool, ...]:
    """The tools of a team that remembers its callers. Nobody is forgotten before they said yes."""
    if team.memory is None:
        return ()
    forget = _forget()

    def ask_in(language: str | None) -> tuple[str, bool]:
        return memory_lines_in(team, language).forget, False

    ask_first(forget, (Rule(by="spoken"),), ask_in=ask_in)
    return (_recall, forget)


@function_tool(name_override=RECALL, failure_error_function=tool_failure, strict_mode=False)
async def _recall(
    context: ToolContext[TurnContext],
    back: Annotated[
        int, Field(ge=1, le=50, description="Which call: 1 is the last one, 2 the one before.")
    ] = 1,
) -> str:
    """Look up what was said in an earlier call of this caller, when the notes do not say enough."""
    if (memories := context.context.memories) is None:
        raise ToolError("Nothing is remembered here.")
    return json.dumps(await memories.recall(back), ensure_ascii=False)


def _forget() -> FunctionTool:
    """Made anew for each team, as the question that is put first is the team's."""

    @function_tool(name_override=FORGET, failure_error_function=tool_failure)
    async def forget(context: ToolContext[TurnContext]) -> str:
        """Forget the caller, when they ask for that: the notes on all their calls, and that they
        may be remembered."""
        if (memories := context.context.memories) is None:
            raise ToolError("Nothing is remembered here.")
        return json.dumps({"forgotten_calls": await memories.forget()})

    return forget


def phrases(memory: Memory) -> dict[str, Phrases]:
    """For the embedded model."""
    return {
        RECALL: Phrases(
            examples=(
                "What did we talk about last time?",
                "Do you remember my last call?",
                "What did I ask you the last time I called?",
                "You know me from an earlier call, don't you?",
            ),
            answer="""
            {% if result.found %}
            In your call of {{ result.date }} you said: {{ result.said | join(" ") }}
            {% else %}
            I don't remember an earlier call of yours.
            {% endif %}
            """,
        ),
        FORGET: Phrases(
            examples=(
                "Forget me.",
                "Please forget everything you know about me.",
                "Delete what you remember of me.",
                "I don't want you to remember my calls.",
                "Don't remember me any more.",
            ),
            answer=memory.lines.forgotten,
        ),
    }
