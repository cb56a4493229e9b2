"""A team as a drawing sees it: who hands over to whom, and what each agent can use."""

from dataclasses import dataclass

from frontdesk.desk.schema import Handoff, Team


@dataclass(frozen=True, slots=True)
class Edge:
    """A handoff; ``say`` is what the caller hears. ``behind``: a delegation, the target works in
    the background."""

    source: str
    target: str
    say: str | None
    behind: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """An agent. ``servers`` are MCP servers by name, with the tools that the team may use there
    (as its file says them, globs too); ``depth`` counts handoffs from the entry, None where no
    caller comes."""

    name: str
    description: str
    model: str
    voice: str | None
    tools: tuple[str, ...]
    servers: dict[str, str]
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
        Edge(name, handoff.to, handoff.say)
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
    tools = tuple(_tool(team, tool) for tool in agent.tools)
    return Node(name, agent.description, model, agent.voice, tools, servers, depth)


def _tool(team: Team, name: str) -> str:
    return f"{name} (background)" if team.tools[name].background else name


def tools_of(team: Team, server: str) -> str:
    """The tools that a team may use of an MCP server, in words."""
    tools = team.mcp[server].tools
    words = "all tools" if "*" in tools.allow else ", ".join(tools.allow) or "no tools"
    if tools.deny:
        words += f" but {', '.join(tools.deny)}"
    if tools.rename:
        words += f" ({', '.join(f'{old} as {new}' for old, new in tools.rename.items())})"
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
