"""A team as a drawing sees it: who hands over to whom, and what each agent can use."""

from dataclasses import dataclass

from frontdesk.desk.approvals import rules_for
from frontdesk.desk.handoffs import AgentVoice, Handoff, History, Last
from frontdesk.desk.schema import Team


@dataclass(frozen=True, slots=True)
class Edge:
    """A handoff; ``say`` is what the caller hears. ``history`` is what the other agent is shown,
    in words, None when it is everything. ``behind``: a delegation, the target works in the
    background."""

    source: str
    target: str
    say: str | None
    history: str | None = None
    behind: bool = False

    @property
    def label(self) -> str | None:
        """What stands on the edge."""
        parts = (f"history: {self.history}" if self.history else None, self.say)
        return " · ".join(part for part in parts if part) or None


@dataclass(frozen=True, slots=True)
class Node:
    """An agent. ``tools`` say who approves them, if anybody. ``servers`` are MCP servers by name,
    with the tools that the team may use there (as its file says them, globs too); ``guardrails``
    are those for its callers' words and its own, the team's included; ``depth`` counts handoffs
    from the entry, None where no caller comes."""

    name: str
    description: str
    model: str
    voice: str | None
    tools: tuple[str, ...]
    servers: dict[str, str]
    guardrails: tuple[str, ...]
    depth: int | None


@dataclass(frozen=True, slots=True)
class Graph:
    """``nodes`` by name, the entry first, then as the file has them."""

    team: str
    entry: str
    nodes: dict[str, Node]
    edges: tuple[Edge, ...]


def graph(team: Team) -> Graph:
    """The graph of a team."""
    handoffs = tuple(
        Edge(name, handoff.to, handoff.say, _history(handoff.history))
        if isinstance(handoff, Handoff)
        else Edge(name, handoff, None)
        for name, agent in team.agents.items()
        for handoff in agent.handoffs
    )
    delegations = tuple(
        Edge(name, delegate, None, behind=True)
        for name, agent in team.agents.items()
        for delegate in agent.delegates
    )
    edges = (*handoffs, *delegations)
    depths = _depths(team.entry, edges)
    names = sorted(team.agents, key=lambda name: name != team.entry)
    nodes = {name: _node(team, name, depths.get(name)) for name in names}
    return Graph(team.name, team.entry, nodes, edges)


def _node(team: Team, name: str, depth: int | None) -> Node:
    agent = team.agents[name]
    model = agent.model or next(iter(team.models))
    servers = {server: tools_of(team, server) for server in agent.mcp}
    tools = tuple(_marked(team, tool) for tool in agent.tools)
    guarded = [(one.input, one.output) for one in (team.defaults.guardrails, agent.guardrails)]
    guards = tuple(dict.fromkeys(name for sides in guarded for side in sides for name in side))
    voice = agent.voice.voice if isinstance(agent.voice, AgentVoice) else agent.voice
    return Node(name, agent.description, model, voice, tools, servers, guards, depth)


def _history(history: History) -> str | None:
    if isinstance(history, Last):
        return f"last {history.last}"
    return None if history == "full" else history


def _marked(team: Team, name: str) -> str:
    """A function, who approves it, and whether it works in the background."""
    use = team.tools[name]
    rules = (*use.approve, *rules_for(name, team.policies.approve))
    asked = dict.fromkeys(rule.by for rule in rules if rule.by != "nobody")
    marks = [f"approval: {', '.join(asked)}"] if asked else []
    marks += ["background"] if use.background else []
    return f"{name} ({'; '.join(marks)})" if marks else name


def tools_of(team: Team, server: str) -> str:
    """The tools that a team may use of an MCP server, in words."""
    tools = team.mcp[server].tools
    words = "all tools" if "*" in tools.allow else ", ".join(tools.allow) or "no tools"
    if tools.deny:
        words += f" but {', '.join(tools.deny)}"
    if tools.rename:
        words += f" ({', '.join(f'{old} as {new}' for old, new in tools.rename.items())})"
    if asked := [*team.mcp[server].approve, *team.policies.approve]:
        words += f"; approval: {', '.join(dict.fromkeys(asked))}"
    return words


def _depths(entry: str, edges: tuple[Edge, ...]) -> dict[str, int]:
    depths, ahead = {entry: 0}, [entry]
    while ahead:
        name = ahead.pop(0)
        for edge in edges:
            if edge.source == name and edge.target not in depths:
                depths[edge.target] = depths[name] + 1
                ahead.append(edge.target)
    return depths
