"""Tools that work while the talk goes on: the turn hands them to the call, and the call has them
run by :func:`run_job` outside of any turn."""

from collections.abc import Callable
from typing import Any, Protocol

from agents.tool_context import ToolContext

from agents import (
    Agent,
    FunctionTool,
    ToolOutputGuardrail,
    ToolOutputGuardrailData,
    function_tool,
)
from frontdesk.desk.background import Background
from frontdesk.desk.schema import Team
from frontdesk.team.context import TurnContext
from frontdesk.team.events import Job, JobDone

ASK_PREFIX = "ask_"
"""A specialist in the background is a tool of this name and its own."""


class BackgroundTool(FunctionTool):
    """Hands its calls to the call's :class:`~frontdesk.team.events.Jobs`. Where there are none
    (beside the conversation, or in background work itself), it works in the foreground."""

    inner: FunctionTool
    """Does the work."""
    policy: Background
    results: list[ToolOutputGuardrail[Any]]
    """Look at what came of it, also when that comes after the turn."""


def is_background(team: Team, agent: str, tool: str) -> bool:
    """Whether a tool of ``agent`` works in the background."""
    use = team.tools.get(tool)
    asked = {f"{ASK_PREFIX}{delegate}" for delegate in team.agents[agent].delegates}
    return tool in asked or (use is not None and use.background is not None)


def in_background(
    tool: FunctionTool,
    policy: Background,
    agent: str,
    results: list[ToolOutputGuardrail[Any]] | None = None,
) -> BackgroundTool:
    """``tool`` of ``agent``, as one that works in the background."""

    async def invoke(context: ToolContext[TurnContext], arguments: str) -> Any:
        jobs = context.context.jobs
        if jobs is None:
            return await tool.on_invoke_tool(context, arguments)
        caller = context.context.caller
        job = Job(tool.name, arguments, agent, context.tool_call_id, policy, caller)
        done = await jobs.begin(job)
        if done.failed:
            context.context.failed.add(context.tool_call_id)
        return done.output

    made = BackgroundTool(
        name=tool.name,
        description=tool.description,
        params_json_schema=tool.params_json_schema,
        on_invoke_tool=invoke,
        strict_json_schema=False,
    )
    made.strict_json_schema = tool.strict_json_schema  # the schema has been made strict already
    made.inner, made.policy, made.results = tool, policy, results or []
    return made


async def run_job(
    tool: BackgroundTool, job: Job, agent: Agent[TurnContext], context: TurnContext
) -> JobDone:
    """Do the work of ``agent``. What goes wrong in it is told in the output, as to a model."""
    called = ToolContext(
        context,
        tool_name=job.tool,
        tool_call_id=job.tool_call_id,
        tool_arguments=job.arguments,
    )
    output: object = await tool.inner.on_invoke_tool(called, job.arguments)
    for guardrail in tool.results:
        data = ToolOutputGuardrailData(context=called, agent=agent, output=output)
        behavior = (await guardrail.run(data)).behavior
        if behavior["type"] == "reject_content":
            output = behavior["message"]
    return JobDone(str(output), job.tool_call_id in context.failed)


class Consult(Protocol):
    """Has an agent do a task, alone; gives its words. Raises ``TurnFailed``."""

    async def __call__(self, agent: str, task: str, context: TurnContext) -> str: ...


def specialist_tool(
    agent: str, description: str, consult: Consult, on_error: Callable[..., Any]
) -> FunctionTool:
    """The tool by which others have ``agent`` do something."""

    async def ask(context: ToolContext[TurnContext], request: str) -> str:
        return await consult(agent, request, context.context)

    tool = function_tool(
        ask,
        name_override=f"{ASK_PREFIX}{agent}",
        description_override=f"Have {agent} do something for the caller. {description}",
        failure_error_function=on_error,
    )
    request: Any = tool.params_json_schema["properties"]["request"]
    request["description"] = "What to do, with everything that has to be known for it."
    return tool
