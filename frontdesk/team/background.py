"""Tools that work while the talk goes on: the turn hands them to the call, and the call has them
run by :func:`run_job` outside of any turn."""

from collections.abc import Callable
from typing import Any, Protocol

from agents.tool_context import ToolContext

from agents import FunctionTool, function_tool
from frontdesk.desk.background import Background
from frontdesk.team.context import TurnContext
from frontdesk.team.events import Job, JobDone


class BackgroundTool(FunctionTool):
    """Hands its calls to the call's :class:`~frontdesk.team.events.Jobs`. Where there are none
    (beside the conversation, or in background work itself), it works in the foreground."""

    inner: FunctionTool
    """Does the work."""
    policy: Background


def in_background(tool: FunctionTool, policy: Background, agent: str) -> BackgroundTool:
    """``tool`` of ``agent``, as one that works in the background."""

    async def invoke(context: ToolContext[TurnContext], arguments: str) -> Any:
        jobs = context.context.jobs
        if jobs is None:
            return await tool.on_invoke_tool(context, arguments)
        job = Job(tool.name, arguments, agent, context.tool_call_id, policy)
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
    made.inner, made.policy = tool, policy
    return made


async def run_job(tool: BackgroundTool, job: Job, context: TurnContext) -> JobDone:
    """Do the work. What goes wrong in it is told in the output, as to a model."""
    called = ToolContext(
        context,
        tool_name=job.tool,
        tool_call_id=job.tool_call_id,
        tool_arguments=job.arguments,
    )
    output: object = await tool.inner.on_invoke_tool(called, job.arguments)
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
        name_override=f"ask_{agent}",
        description_override=f"Have {agent} do something for the caller. {description}",
        failure_error_function=on_error,
    )
    request: Any = tool.params_json_schema["properties"]["request"]
    request["description"] = "What to do, with everything that has to be known for it."
    return tool
