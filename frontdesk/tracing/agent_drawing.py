"""The agent graph laid out: agents in a row from left to right, their tools below each, MCP servers
at the bottom. Lengths are pixels at the usual size of text."""

from dataclasses import dataclass

from frontdesk.tracing.agent_graph import AgentGraph, Edge, Key, Node

WIDTH, HEIGHT = 152, 42
CALLER_WIDTH = 72
INDENT = 40
"""How far tools stand to the right of their agent's edge: room for a number."""
GAP = 44
TOOL_GAP, ROW_GAP = 10, 18
ARC = 16
"""Height that an arrow over the row of agents needs, for each agent that it passes."""
PAD = 6
LETTERS = 19
"""Letters of a name that fit into a node."""


@dataclass(frozen=True, slots=True)
class Box:
    """A node in its place; ``label`` is its name, shortened to what fits."""

    node: Node
    x: float
    y: float
    width: float
    label: str


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge as an SVG path; its numbers stand at ``x``, ``y``."""

    edge: Edge
    path: str
    x: float
    y: float
    numbers: str


@dataclass(frozen=True, slots=True)
class Drawing:
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    width: float
    height: float


def drawing(graph: AgentGraph) -> Drawing:
    """Lay a graph out. An empty one has no size."""
    if not graph.nodes:
        return Drawing((), (), 0, 0)
    places = _places(graph)
    arrows = tuple(_arrow(edge, places) for edge in graph.edges.values())
    width = max(box.x + box.width for box in places.values()) + GAP / 2
    height = max(box.y for box in places.values()) + HEIGHT
    return Drawing(tuple(places.values()), arrows, width + PAD, height + PAD)


def _places(graph: AgentGraph) -> dict[Key, Box]:
    row = [node for node in graph.nodes.values() if node.kind in ("caller", "agent")]
    column = {node.key: at for at, node in enumerate(row)}
    arcs = [
        abs(column[edge.target] - column[edge.source])
        for edge in graph.edges.values()
        if edge.source in column and edge.target in column and _over(edge, column)
    ]
    top = PAD + (ARC * max(arcs) + 8 if arcs else 0)
    places: dict[Key, Box] = {}
    x = float(PAD)
    deepest = top
    for node in row:
        width = CALLER_WIDTH if node.kind == "caller" else WIDTH
        places[node.key] = _box(node, x, top, width)
        y = top
        tools = [
            edge.target
            for edge in graph.edges.values()
            if edge.source == node.key and edge.target[0] == "tool"
        ]
        for key in tools:
            y += HEIGHT + TOOL_GAP
            places[key] = _box(graph.nodes[key], x + INDENT, y, WIDTH)
        deepest = max(deepest, y)
        x += width + GAP + (INDENT if tools else 0)
    _place_servers(graph, places, deepest + HEIGHT + ROW_GAP)
    return places


def _over(edge: Edge, column: dict[Key, int]) -> bool:
    """Whether its arrow goes over others: to a neighbour on the right it goes straight."""
    return column[edge.target] - column[edge.source] != 1


def _place_servers(graph: AgentGraph, places: dict[Key, Box], y: float) -> None:
    """Each below the tools that use it, side by side."""
    users: dict[Key, list[float]] = {}
    for edge in graph.edges.values():
        if edge.target[0] == "server":
            users.setdefault(edge.target, []).append(places[edge.source].x)
    x = 0.0
    for key, used in sorted(users.items(), key=lambda each: min(each[1])):
        x = max(x, min(used))
        places[key] = _box(graph.nodes[key], x, y, WIDTH)
        x += WIDTH + 12


def _box(node: Node, x: float, y: float, width: float) -> Box:
    letters = LETTERS if width == WIDTH else 8
    name = node.name
    return Box(node, x, y, width, name if len(name) <= letters else f"{name[: letters - 1]}\u2026")


def _arrow(edge: Edge, places: dict[Key, Box]) -> Arrow:
    source, target = places[edge.source], places[edge.target]
    match source.node.kind, target.node.kind:
        case _, "tool":
            path, x, y = _elbow(source, target)
        case _, "server":
            path, x, y = _gutter(source, target)
        case "tool", _:
            path, x, y = _across(source, target)
        case _:
            path, x, y = _between(source, target)
    steps = edge.steps
    numbers = ", ".join(map(str, steps)) if len(steps) < 3 else f"{steps[0]}, {steps[1]}\u2026"
    return Arrow(
        edge, path, round(x, 1), round(y, 1), numbers if target.node.kind != "server" else ""
    )


def _elbow(source: Box, target: Box) -> tuple[str, float, float]:
    """From an agent down and into its tool."""
    x, y = source.x + 12, target.y + HEIGHT / 2
    path = f"M{x} {source.y + HEIGHT}V{y - 6}q0 6 6 6H{target.x - 2}"
    return path, (x + target.x) / 2 + 1, y


def _gutter(source: Box, target: Box) -> tuple[str, float, float]:
    """From a tool to its server, beside the tools that lie between."""
    x, y = source.x + source.width, source.y + HEIGHT / 2
    aside = x + 12
    if aside <= target.x + target.width - 8:
        path = f"M{x} {y}H{aside - 6}q6 0 6 6V{target.y - 2}"
    else:
        end = target.x + target.width
        middle = target.y + HEIGHT / 2
        path = f"M{x} {y}H{aside - 6}q6 0 6 6V{middle - 6}q0 6 -6 6H{end + 2}"
    return path, aside, y


def _across(source: Box, target: Box) -> tuple[str, float, float]:
    """From a tool that is an agent to that agent."""
    x, y = source.x + source.width, source.y + HEIGHT / 2
    end, low = target.x + 20, target.y + HEIGHT
    if end > x:
        return f"M{x} {y}H{end - 6}q6 0 6 -6V{low + 2}", (x + end) / 2, y
    return f"M{x} {y}h8q6 0 6 -6V{low + 6}H{end}V{low + 2}", x + 14, (y + low) / 2


def _between(source: Box, target: Box) -> tuple[str, float, float]:
    """Between the caller and agents, or from agent to agent."""
    y = source.y + HEIGHT / 2
    distance = target.x - (source.x + source.width)
    if 0 < distance <= GAP + INDENT:
        return f"M{source.x + source.width} {y}H{target.x - 2}", target.x - distance / 2, y
    begin = source.x + source.width * (0.7 if target.x > source.x else 0.3)
    end = target.x + target.width * (0.3 if target.x > source.x else 0.7)
    if source is target:
        begin, end = source.x + source.width * 0.35, source.x + source.width * 0.65
    columns = max(1, round(abs(end - begin) / (WIDTH + GAP)))
    top = source.y - ARC * columns
    path = f"M{begin} {source.y}C{begin} {top - 4} {end} {top - 4} {end} {source.y - 2}"
    return path, (begin + end) / 2, source.y - 0.75 * (source.y - top + 4)
