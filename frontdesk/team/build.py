"""Builds the SDK's agents from a team file, once for each version of it."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from agents.mcp import MCPUtil
from agents.strict_schema import ensure_strict_json_schema
from agents.tool_context import ToolContext
from agents.tracing import FunctionSpanData, get_current_span

from agents import Agent, FunctionTool, Handoff, Model, RunContextWrapper, Tool
from frontdesk.desk import schema
from frontdesk.desk.approvals import rules_for
from frontdesk.desk.languages import is_default, lines_in
from frontdesk.desk.schema import Team
from frontdesk.mcp.connections import McpConnections
from frontdesk.mcp.server import McpServerView, with_examples
from frontdesk.team.approvals import ask_first
from frontdesk.team.background import BackgroundTool, Consult, in_background, specialist_tool
from frontdesk.team.background_tools import BUILT_IN
from frontdesk.team.client_tools import end_at_client_tools, offer
from frontdesk.team.context import (
    TurnContext,
    caller_values,
    note_mcp_call,
    patience,
    report,
)
from frontdesk.team.eliciting import ask_caller, may_ask
from frontdesk.team.failures import tool_failure
from frontdesk.team.functions import FunctionLoader
from frontdesk.team.guardrails.build import Guardrails
from frontdesk.team.guardrails.tools import tool_guardrails
from frontdesk.team.handoffs import HANDOFF_PREFIX, Edge, edges
from frontdesk.team.memory_tools import memory_tools
from frontdesk.team.models import ModelRegistry, model_choice
from frontdesk.team.prompting import Prompt
from frontdesk.team.recording import may_run_twice, on_record

_T = TypeVar("_T")


class TeamBuildError(ValueError):
    """A team that cannot work as written. The message names the field."""


class TeamAgent(Agent[TurnContext]):
    """An agent whose tools are its own, then its MCP servers', then the client's.

    Names are unique in that order: a later tool of the same name is not offered. (The SDK would
    end the run when two servers have a tool of one name, which a server may bring about at any
    time.)
    """

    gates: dict[str, Callable[[FunctionTool], None]]
    """What stands before a tool of an MCP server, by server: its record, approval, and questions of
    its own."""
    of_memory: tuple[Tool, ...]
    """The tools that are offered where callers are remembered."""

    async def get_system_prompt(self, run_context: RunContextWrapper[TurnContext]) -> str | None:
        """As the SDK does, which looks at the function's signature at every step."""
        instructions = cast("Callable[..., str]", self.instructions)
        return instructions(run_context, self)

    async def get_mcp_tools(self, run_context: RunContextWrapper[TurnContext]) -> list[Tool]:
        taken = self._own_names()
        tools: list[Tool] = []
        for server in self.mcp_servers:
            for tool in await MCPUtil.get_function_tools(server, False, run_context, self):
                if tool.name not in taken:
                    taken.add(tool.name)
                    cast("FunctionTool", tool).on_invoke_tool = _for_text_and_trace(tool)
                    self.gates[server.name](cast("FunctionTool", tool))
                    tools.append(tool)
        return tools

    async def get_all_tools(self, run_context: RunContextWrapper[TurnContext]) -> list[Tool]:
        context = run_context.context
        tools = await super().get_all_tools(run_context)
        taken = self._own_names() | {tool.name for tool in tools}
        if context.jobs is not None and context.jobs.known:
            tools += [tool for tool in BUILT_IN if tool.name not in taken]
            taken |= {tool.name for tool in BUILT_IN}
        if context.memories is not None:
            tools += [tool for tool in self.of_memory if tool.name not in taken]
            taken |= {tool.name for tool in self.of_memory}
        theirs = context.offered[self.name] = offer(context.client_tools, taken)
        return [*(() if context.only_client_tools else tools), *theirs.values()]

    @property
    def background(self) -> dict[str, BackgroundTool]:
        """The tools that work in the background, by name."""
        return {tool.name: tool for tool in self.tools if isinstance(tool, BackgroundTool)}

    def _own_names(self) -> set[str]:
        handoffs = {edge.tool_name for edge in self.handoffs if isinstance(edge, Handoff)}
        return handoffs | {tool.name for tool in self.tools}


def build_agents(
    team: Team,
    *,
    prompt: Prompt,
    functions: FunctionLoader,
    mcp: McpConnections,
    models: ModelRegistry,
    consult: Consult,
    guardrails: Guardrails,
) -> dict[str, TeamAgent]:
    """All agents of ``team`` by name, joined by their handoffs. ``consult`` has those in the
    background do what others delegate to them.

    Raises:
        TeamBuildError, FunctionLoadError, McpConfigError, ModelUnavailable: naming the field.
    """
    agents = {
        name: _agent(team, name, prompt, functions, mcp, models, guardrails) for name in team.agents
    }
    for name, agent in agents.items():
        hosted = models.provider(model_choice(team, name)[1]) != "embedded"
        agent.tools += [
            _delegate(team, name, other, consult) for other in team.agents[name].delegates
        ]
        agent.handoffs = [
            _handoff(team, agents, f"agents.{name}.handoffs", edge, hosted)
            for edge in edges(team.agents[name])
        ]
        names = [*agent._own_names()]  # pyright: ignore[reportPrivateUsage]
        if len(names) != len(agent.tools) + len(agent.handoffs):
            raise TeamBuildError(f"agents.{name}: two of its tools and handoffs have one name")
    if team.entry not in agents:
        raise TeamBuildError(f"entry: there is no agent {team.entry!r}")
    return agents


def _agent(
    team: Team,
    name: str,
    prompt: Prompt,
    functions: FunctionLoader,
    mcp: McpConnections,
    models: ModelRegistry,
    guardrails: Guardrails,
) -> TeamAgent:
    section = team.agents[name]
    _, choice = model_choice(team, name)
    # The embedded model gets the examples in a form of its own.
    hosted = models.provider(choice) != "embedded"

    def instructions(context: RunContextWrapper[TurnContext], agent: Agent[TurnContext]) -> str:
        turn = context.context
        own = turn.prompt is not None and name in turn.prompt.agents
        texts = [] if own else [prompt(name, turn.variables)]
        texts += [turn.prompt.text] if turn.prompt else []
        texts += [turn.instructions] if turn.instructions else []
        return "\n\n".join(texts)

    agent = TeamAgent(
        name=name,
        handoff_description=section.description,
        instructions=instructions,
        model=models.model(team, name),
        tools=[
            _function(team, functions, name, tool, hosted, guardrails) for tool in section.tools
        ],
        mcp_servers=[
            _view(mcp, server, _named(team.mcp, server, f"agents.{name}.mcp"), hosted, guardrails)
            for server in section.mcp
        ],
        tool_use_behavior=end_at_client_tools,
    )
    agent.gates = {
        view.name: _gate(team, view)
        for view in agent.mcp_servers
        if isinstance(view, McpServerView)
    }
    agent.of_memory = memory_tools(team)
    # Set afterwards: the constructor takes an OpenAI model's own defaults for "nothing was said".
    agent.model_settings = models.given(cast("Model", agent.model), choice)
    return agent


def _function(
    team: Team,
    functions: FunctionLoader,
    agent: str,
    name: str,
    hosted: bool,
    guardrails: Guardrails,
) -> Tool:
    use = _named(team.tools, name, f"agents.{agent}.tools")
    if use.background is not None:
        use = use.model_copy(update={"timeout": 0.0})  # its deadline ends it
    tool = functions.load(name, use, show_examples=hosted)
    again = use.idempotent or (use.background is not None and use.background.restart)
    on_record(tool, again=again)
    before, after = tool_guardrails(guardrails, use.guardrails)
    if use.background is not None:
        tool = in_background(tool, use.background, agent, after)
        after = []
    if rules := (*use.approve, *rules_for(name, team.policies.approve)):
        ask_first(tool, rules, ask_in=_asking(team))  # before any work begins
    tool.tool_input_guardrails, tool.tool_output_guardrails = before, after
    return tool


def _asking(team: Team) -> Callable[[str | None], tuple[str, bool]]:
    """The team's question in a language, and whether its rules' own are in that."""
    return lambda code: (lines_in(team, code).ask, is_default(team, code))


def _gate(team: Team, view: McpServerView) -> Callable[[FunctionTool], None]:
    def gate(tool: FunctionTool) -> None:
        hints = next((t.annotations for t in view.cached_tools if t.name == tool.name), None)
        on_record(tool, again=may_run_twice(tool.name, view.use, hints), server=view.name)
        if view.use.elicitation == "spoken":
            may_ask(tool, view.name)
        if rules := rules_for(tool.name, view.use.approve, team.policies.approve):
            ask_first(tool, rules, ask_in=_asking(team), hints=hints, server=view.name)

    return gate


def _delegate(team: Team, name: str, other: str, consult: Consult) -> FunctionTool:
    section = _named(team.agents, other, f"agents.{name}.delegates")
    if section.background is None:
        raise TeamBuildError(f"agents.{name}.delegates: {other!r} does not work in the background")
    tool = specialist_tool(other, section.description, consult, tool_failure)
    return in_background(tool, section.background, name)


def _view(
    mcp: McpConnections, name: str, use: schema.McpUse, hosted: bool, guardrails: Guardrails
) -> McpServerView:
    examples = {tool: phrases.examples for tool, phrases in use.phrases.items()}
    view = McpServerView(
        mcp.get(name),
        use,
        on_error=tool_failure,
        on_progress=report,
        caller_values=caller_values,
        on_record=note_mcp_call,
        patience=patience,
        on_elicitation=ask_caller,
        examples=examples if hosted else None,
    )
    before, after = tool_guardrails(guardrails, use.guardrails)
    view.tool_input_guardrails, view.tool_output_guardrails = before, after
    return view


def _handoff(
    team: Team, agents: dict[str, TeamAgent], field: str, edge: Edge, hosted: bool
) -> Handoff[TurnContext, TeamAgent]:
    target = _named(agents, edge.to, field)
    description = f"Hand the caller over to {edge.to}. {target.handoff_description}"
    examples = team.agents[edge.to].examples if hosted else ()

    async def hand_over(context: RunContextWrapper[TurnContext], arguments: str) -> TeamAgent:
        return target

    # Not by the SDK's handoff(): it links the agents, and each run describes three times over all
    # that can be reached, for a state to resume from: a quarter of a run's CPU in a team of five.
    return Handoff(
        tool_name=f"{HANDOFF_PREFIX}{edge.to}",
        tool_description=with_examples(description, examples),
        input_json_schema=ensure_strict_json_schema({}),
        on_invoke_handoff=hand_over,
        agent_name=edge.to,
    )


def _named(table: dict[str, _T], name: str, field: str) -> _T:
    if name not in table:
        raise TeamBuildError(f"{field}: there is no {name!r} (there are: {', '.join(table)})")
    return table[name]


def _for_text_and_trace(tool: Tool) -> Callable[[ToolContext[Any], str], Awaitable[Any]]:
    """The tool's invoker, with results that are only text as one string: the SDK makes lists of
    parts, which many chat completions servers refuse in a tool's message. And its span has what
    became of the call: the SDK has no more than the server's name, and not that when it failed."""
    invoke = cast("FunctionTool", tool).on_invoke_tool

    async def invoke_for_text(context: ToolContext[Any], arguments: str) -> Any:
        result: Any = await invoke(context, arguments)
        became = context.context.mcp_calls.pop(context.tool_call_id, None)
        span = get_current_span()
        if became and span is not None and isinstance(span.span_data, FunctionSpanData):
            span.span_data.mcp_data = became
        parts = cast("list[Any]", result if isinstance(result, list) else [result])
        texts = [text for part in parts if (text := _text(part)) is not None]
        return "\n".join(texts) if len(texts) == len(parts) else cast("Any", result)

    return invoke_for_text


def _text(part: Any) -> str | None:
    fields = cast("dict[str, Any]", part) if isinstance(part, dict) else {}
    return fields["text"] if fields.get("type") == "text" else None
