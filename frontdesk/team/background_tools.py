"""What every agent can do about background work once there is some: tell of it, and cancel it."""

import json
from typing import Annotated

from agents.tool_context import ToolContext
from pydantic import Field

from agents import function_tool
from frontdesk.desk.schema import Phrases
from frontdesk.team.context import TurnContext
from frontdesk.team.failures import ToolError, tool_failure


@function_tool(failure_error_function=tool_failure)
async def list_background_work(context: ToolContext[TurnContext]) -> str:
    """Tell how the work that was begun in the background stands: what it is, whether it still
    runs, how far it is."""
    jobs = context.context.jobs
    return json.dumps(jobs.listed() if jobs else {"work": []}, ensure_ascii=False)


@function_tool(failure_error_function=tool_failure, strict_mode=False)
async def cancel_background_work(
    context: ToolContext[TurnContext],
    which: Annotated[
        str, Field(description="The id of the work or its name; not needed if there is only one.")
    ] = "",
) -> str:
    """Stop work that was begun in the background and that the caller does not want any more."""
    jobs = context.context.jobs
    if jobs is None:
        raise ToolError("There is no background work here.")
    return json.dumps(await jobs.cancel(which), ensure_ascii=False)


BUILT_IN = (list_background_work, cancel_background_work)

PHRASES = {
    "list_background_work": Phrases(
        examples=(
            "Are you still working on it?",
            "How far are you with that?",
            "Is it done yet?",
            "What are you working on?",
            "How is it going with my request?",
            "Do you have the result already?",
        ),
        answer="""
        {% for one in result.work %}
        {% if one.status == "running" %}
        I'm still working on {{ one.what }}{% if one.progress %}: {{ one.progress }}{% endif %}.
        {% elif one.status == "queued" %}
        {{ one.what | capitalize }} is next in line.
        {% elif one.status == "done" %}
        {{ one.what | capitalize }} is done.
        {% elif one.status == "cancelled" %}
        {{ one.what | capitalize }} was cancelled.
        {% else %}
        {{ one.what | capitalize }} did not work out.
        {% endif %}
        {% endfor %}
        {% if not result.work %}There is nothing under way.{% endif %}
        """,
    ),
    "cancel_background_work": Phrases(
        examples=(
            "Cancel that, please.",
            "Please stop working on that.",
            "Stop the search.",
            "You can stop looking now.",
            "Cancel my request, I don't need it any more.",
            "Stop it, I've changed my mind.",
        ),
        answer="""
        {% if result.cancelled %}
        All right, I've stopped {{ result.cancelled | join(" and ") }}.
        {% elif result.running %}
        There are several things under way: {{ result.running | join(", ") }}.
        Which one do you mean?
        {% else %}
        There is nothing under way that I could stop.
        {% endif %}
        """,
    ),
}
"""For the embedded model."""
