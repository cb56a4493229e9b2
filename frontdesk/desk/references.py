"""Names in a team file that must lead somewhere: agents, models, tools, MCP servers.

Works on the document's plain data, not on a validated `Team`, so that one wrong value elsewhere
does not hide a dangling name.
"""

from collections.abc import Collection, Iterator
from typing import Any, cast

from frontdesk.desk.document import Document, Location
from frontdesk.desk.problems import Problem, did_you_mean, warning


def check_references(document: Document) -> Iterator[Problem]:
    """Dangling names, handoffs to oneself, and (as warnings) what no agent uses."""
    data = mapping(document.data)
    agents = mapping(data.get("agents"))
    entry = data.get("entry")
    if isinstance(entry, str):
        yield from _known(document, ("entry",), entry, agents, "agent")
    for name, agent in agents.items():
        yield from _check_agent(document, name, mapping(agent), data)
    yield from _unused(document, agents, "tools", "tool")
    yield from _unused(document, agents, "mcp", "MCP server")


def check_servers(document: Document, servers: Collection[str], config: str) -> Iterator[Problem]:
    """Names under ``mcp`` that the ``config`` file does not define."""
    for name in mapping(mapping(document.data).get("mcp")):
        if name not in servers:
            message = f"no MCP server `{name}` in {config}"
            yield document.key_problem(("mcp", name), message, did_you_mean(name, servers))


def mapping(value: Any) -> dict[str, Any]:
    """``value`` if it is a mapping, else an empty one: the schema reports the wrong type."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """``value`` if it is a list, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def handoff_targets(agent: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Whom an agent hands over to, each with its place in the list."""
    for index, edge in enumerate(items(agent.get("handoffs"))):
        target = mapping(edge).get("to") if isinstance(edge, dict) else edge
        if isinstance(target, str):
            yield index, target


def _check_agent(
    document: Document, name: str, agent: dict[str, Any], data: dict[str, Any]
) -> Iterator[Problem]:
    at: Location = ("agents", name)
    model = agent.get("model")
    if isinstance(model, str):
        models = mapping(data.get("models")) if "models" in data else ("main",)
        yield from _known(document, (*at, "model"), model, models, "model")
    for section, noun in (("tools", "tool"), ("mcp", "MCP server")):
        for index, used in enumerate(items(agent.get(section))):
            if isinstance(used, str):
                known = mapping(data.get(section))
                yield from _known(document, (*at, section, index), used, known, noun, section)
    for index, target in handoff_targets(agent):
        place = (*at, "handoffs", index)
        if target == name:
            yield document.problem(place, f"`{name}` can't hand over to itself")
        else:
            yield from _known(document, place, target, mapping(data["agents"]), "agent")


def _known(
    document: Document,
    location: Location,
    name: str,
    known: Collection[str],
    noun: str,
    section: str | None = None,
) -> Iterator[Problem]:
    if name not in known:
        message = f"no {noun} `{name}` under `{section or noun + 's'}`"
        yield document.problem(location, message, did_you_mean(name, known))


def _unused(
    document: Document, agents: dict[str, Any], section: str, noun: str
) -> Iterator[Problem]:
    used = {
        name for agent in agents.values() for name in map(str, items(mapping(agent).get(section)))
    }
    for name in mapping(mapping(document.data).get(section)):
        if name not in used:
            message = f"no agent uses the {noun} `{name}`"
            yield warning(document.key_problem((section, name), message))
