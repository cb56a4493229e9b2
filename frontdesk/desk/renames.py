"""New names for tools of MCP servers: none may stand for two things that one agent has."""

from collections.abc import Iterator
from typing import Any

from frontdesk.desk.document import Document, Location
from frontdesk.desk.problems import Problem
from frontdesk.desk.references import handoff_targets, items, mapping

HANDOFF = "transfer_to_"


def check_renames(document: Document) -> Iterator[Problem]:
    """Names that stand twice in a server or an agent, and phrases under a name that is no more."""
    data = mapping(document.data)
    servers = mapping(data.get("mcp"))
    for server in servers:
        yield from _check_server(document, server, servers)
    told: set[Location] = set()
    for name, agent in mapping(data.get("agents")).items():
        for place, problem in _check_agent(document, name, mapping(agent), servers):
            if place not in told:  # once, though several agents have it
                told.add(place)
                yield problem


def renames(servers: dict[str, Any], server: str) -> dict[str, str]:
    """The new names of a server's tools by the old, as the document has them."""
    found = mapping(mapping(mapping(servers.get(server)).get("tools")).get("rename"))
    return {old: new for old, new in found.items() if isinstance(new, str)}


def _check_server(document: Document, server: str, servers: dict[str, Any]) -> Iterator[Problem]:
    new_names = renames(servers, server)
    phrases = mapping(mapping(servers[server]).get("phrases"))
    seen: dict[str, str] = {}
    for old, new in new_names.items():
        if new in seen:
            place = ("mcp", server, "tools", "rename", old)
            yield document.problem(place, f"`{new}` is the new name of `{seen[new]}` already")
        seen.setdefault(new, old)
        if old in phrases and old not in new_names.values():
            place = ("mcp", server, "phrases", old)
            yield document.key_problem(place, f"`{old}` is called `{new}` here")


def _check_agent(
    document: Document, name: str, agent: dict[str, Any], servers: dict[str, Any]
) -> Iterator[tuple[Location, Problem]]:
    taken = {str(tool): f"a function of `{name}`" for tool in items(agent.get("tools"))}
    taken |= {f"{HANDOFF}{to}": f"a handoff of `{name}`" for _, to in handoff_targets(agent)}
    for server in map(str, items(agent.get("mcp"))):
        new_names = renames(servers, server)
        for old, new in new_names.items():
            if new in taken:
                place = ("mcp", server, "tools", "rename", old)
                message = f"`{new}` is taken: it is {taken[new]}, which uses this server"
                if taken[new].startswith("a tool"):
                    message = f"`{new}` is taken: it is {taken[new]}, and `{name}` uses both"
                yield place, document.problem(place, message)
        taken = dict.fromkeys(new_names.values(), f"a tool of the MCP server `{server}`") | taken
