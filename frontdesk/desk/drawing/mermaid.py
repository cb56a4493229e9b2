"""A team as a Mermaid flowchart, which GitHub and many editors draw."""

from collections.abc import Iterator

from frontdesk.desk.drawing.graph import Graph

_SPECIAL = {
    '"': "#quot;",
    "<": "#lt;",
    ">": "#gt;",
    "#": "#35;",
    "&": "#amp;",
    "`": "#96;",
    "|": "#124;",
}


def mermaid(graph: Graph) -> str:
    """The flowchart as text, with a line end. Handoffs are solid, delegations and uses of tools
    dotted."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    # Names may be words of Mermaid's own (`end`, `style`), so nodes get numbers.
    agents = {name: f"a{number}" for number, name in enumerate(graph.nodes)}
    tools = _numbered("t", (tool for node in graph.nodes.values() for tool in node.tools))
    servers = _numbered("m", (name for node in graph.nodes.values() for name in node.servers))
    allowed = {name: text for node in graph.nodes.values() for name, text in node.servers.items()}
    yield "flowchart TD"
    yield f'  caller(["caller of {_text(graph.team)}"]) --> {agents[graph.entry]}'
    for name, key in agents.items():
        node = graph.nodes[name]
        about = [_short(node.description)]
        if node.guardrails:
            about.append(f"guarded by {', '.join(node.guardrails)}")
        yield f'  {key}["<b>{_text(name)}</b><br/>{"<br/>".join(map(_text, about))}"]'
    for name, key in tools.items():
        yield f'  {key}[["{_text(name)}"]]'
    for name, key in servers.items():
        yield f'  {key}[("{_text(name)}<br/>{_text(_short(allowed[name]))}")]'
    for edge in graph.edges:
        label = f'|"{_text(_short(edge.label))}"|' if edge.label else ""
        arrow = '-.->|"in the background"|' if edge.behind else f"-->{label}"
        yield f"  {agents[edge.source]} {arrow} {agents[edge.target]}"
    for name, key in agents.items():
        for tool in graph.nodes[name].tools:
            yield f"  {key} -.-> {tools[tool]}"
        for server in graph.nodes[name].servers:
            yield f"  {key} -.-> {servers[server]}"


def _numbered(prefix: str, names: Iterator[str]) -> dict[str, str]:
    return {name: f"{prefix}{number}" for number, name in enumerate(dict.fromkeys(names))}


def _text(text: str) -> str:
    return "".join(_SPECIAL.get(character, character) for character in " ".join(text.split()))


def _short(text: str, longest: int = 60) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rsplit(' ', 1)[0]} …"
