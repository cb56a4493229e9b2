"""Who did what in a turn, or in a whole call: agents, what they handed over, the tools they used
and the MCP servers behind those, with the order in which it happened."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from frontdesk.tracing import names
from frontdesk.tracing.kin import above

Record = Mapping[str, Any]
Kind = Literal["caller", "agent", "tool", "server"]
Key = tuple[Kind, str]

CALLER: Key = ("caller", "Caller")
MOST = 60
"""Nodes and steps that are drawn. A runaway loop must not fill the page."""


@dataclass(slots=True)
class Node:
    """``ms`` is the sum of its spans; ``spans`` are pairs of trace id and span id, in order."""

    key: Key
    spans: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    ms: float = 0.0
    errors: int = 0

    @property
    def kind(self) -> Kind:
        return self.key[0]

    @property
    def name(self) -> str:
        return self.key[1].rpartition("\n")[2]

    @property
    def count(self) -> int:
        return len(self.spans)


@dataclass(slots=True)
class Edge:
    """``steps`` are the numbers, from 1, of what happened along it."""

    source: Key
    target: Key
    steps: list[int] = field(default_factory=list[int])


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, in words."""

    number: int
    words: str
    trace_id: str
    span_id: str
    failed: bool


@dataclass(slots=True)
class AgentGraph:
    """``left_out``: steps beyond ``MOST``."""

    nodes: dict[Key, Node] = field(default_factory=dict[Key, Node])
    edges: dict[tuple[Key, Key], Edge] = field(default_factory=dict[tuple[Key, Key], Edge])
    steps: list[Step] = field(default_factory=list[Step])
    left_out: int = 0


def agent_graph(turns: Iterable[tuple[str, Sequence[Record]]]) -> AgentGraph:
    """The graph of some turns' spans, each with its trace id, in the order of the turns. Without an
    agent it is empty."""
    graph = AgentGraph()
    for trace_id, spans in turns:
        _Turn(graph, trace_id, spans).read()
    return graph


class _Turn:
    """The spans of one turn, read into a graph."""

    def __init__(self, graph: AgentGraph, trace_id: str, spans: Sequence[Record]) -> None:
        self._graph = graph
        self._trace_id = trace_id
        self._spans = sorted(spans, key=lambda span: span["start"])
        self._by_id = {span["span_id"]: span for span in spans}
        self._handed: list[str] = []
        """Agents that were handed over to and have not begun yet."""

    def read(self) -> None:
        for span in self._spans:
            match span["stage"]:
                case "agent" if span["agent"]:
                    self._agent(span)
                case "handoff":
                    self._handoff(span)
                case "tools" | "delegation":
                    self._tool(span)
                case _:
                    pass

    def _agent(self, span: Record) -> None:
        agent: Key = ("agent", str(span["agent"]))
        tool = above(span, self._by_id, "tools")
        if agent[1] in self._handed:
            self._handed.remove(agent[1])
        elif tool is not None:
            self._step(self._key_of_tool(tool), agent, span, "{0} asks {1}")
        else:
            self._step(CALLER, agent, span, "The caller speaks to {1}")
        self._note(agent, span)

    def _handoff(self, span: Record) -> None:
        attributes: Record = span["attributes"] or {}
        source = attributes.get(names.VOICE_HANDOFF_FROM) or span["agent"]
        target = attributes.get(names.VOICE_HANDOFF_TO) or span["name"].partition(" ")[2]
        if not source or not target:
            return
        self._handed.append(str(target))
        keys: tuple[Key, Key] = ("agent", str(source)), ("agent", str(target))
        self._step(*keys, span, "{0} hands over to {1}")

    def _tool(self, span: Record) -> None:
        attributes: Record = span["attributes"] or {}
        tool, agent = self._key_of_tool(span), self._agent_of(span)
        server = attributes.get(names.VOICE_MCP_SERVER)
        words = f"{{0}} calls {{1}} of {server}" if server else "{0} calls {1}"
        number = self._step(("agent", agent), tool, span, words)
        if number is None:
            return
        self._note(tool, span)
        if server:
            self._edge(tool, ("server", str(server)), number)
            self._note(("server", str(server)), span)

    def _key_of_tool(self, span: Record) -> Key:
        attributes: Record = span["attributes"] or {}
        name = attributes.get(names.GEN_AI_TOOL_NAME) or span["name"].partition(" ")[2]
        return ("tool", f"{self._agent_of(span)}\n{name}")  # two agents' tools stand apart

    def _agent_of(self, span: Record) -> str:
        agent = above(span, self._by_id, "agent")
        return str((agent or span)["agent"] or "agent")

    def _step(self, source: Key, target: Key, span: Record, words: str) -> int | None:
        """Its number; None when there are too many already."""
        graph = self._graph
        new = {key for key in (source, target) if key not in graph.nodes}
        if len(graph.steps) >= MOST or len(graph.nodes) + len(new) > MOST:
            graph.left_out += 1
            return None
        number = len(graph.steps) + 1
        self._edge(source, target, number)
        told = words.format(*(graph.nodes[key].name for key in (source, target)))
        failed = span["status"] == "error"
        graph.steps.append(Step(number, told, self._trace_id, span["span_id"], failed))
        return number

    def _edge(self, source: Key, target: Key, number: int) -> None:
        for key in (source, target):
            self._graph.nodes.setdefault(key, Node(key))
        edge = self._graph.edges.setdefault((source, target), Edge(source, target))
        edge.steps.append(number)

    def _note(self, key: Key, span: Record) -> None:
        node = self._graph.nodes.get(key)
        if node is None:
            return
        node.spans.append((self._trace_id, span["span_id"]))
        node.errors += span["status"] == "error"
        if span["end"] is not None:
            node.ms += 1000 * max(0.0, span["end"] - span["start"])
