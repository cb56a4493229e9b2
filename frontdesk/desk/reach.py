"""Where handoffs lead: agents that no caller reaches, and loops that let no caller out."""

from collections.abc import Iterator, Mapping
from typing import Any

from frontdesk.desk.document import Document
from frontdesk.desk.problems import Problem, warning
from frontdesk.desk.references import handoff_targets, items, mapping

Edges = Mapping[str, set[str]]


def check_reach(document: Document) -> Iterator[Problem]:
    """Warnings about agents that nobody hands over to, and about loops without an exit.

    A loop is one when two or more agents hand over to one another and to nobody else. That is how
    small teams work, so it is a trap only where none of them has a tool or a server to do anything
    with, and the caller came from agents who have: there is no way back to those.
    """
    data = mapping(document.data)
    agents = {name: mapping(agent) for name, agent in mapping(data.get("agents")).items()}
    entry = data.get("entry")
    if not isinstance(entry, str) or entry not in agents:
        return
    edges = {name: {to for _, to in handoff_targets(agent)} for name, agent in agents.items()}
    delegates = {name: {*map(str, items(agent.get("delegates")))} for name, agent in agents.items()}
    reached = _reached(entry, {name: edges[name] | delegates[name] for name in agents})
    for name in agents:
        if name not in reached:
            message = f"nobody hands over to the agent `{name}`: no caller can reach it"
            yield warning(document.key_problem(("agents", name), message))
    yield from _traps(document, agents, edges, [name for name in agents if name in reached])


def _traps(
    document: Document, agents: Mapping[str, dict[str, Any]], edges: Edges, met: list[str]
) -> Iterator[Problem]:
    able = [name for name in met if items(agents[name].get("tools") or agents[name].get("mcp"))]
    told: set[str] = set()
    for name in met:
        loop = _reached(name, edges) & agents.keys()
        closed = len(loop) > 1 and all(_reached(other, edges) >= loop for other in loop)
        if closed and name not in told and able and not loop & {*able}:
            told |= loop
            names = " and ".join(f"`{member}`" for member in agents if member in loop)
            message = f"{names} hand over only to one another and have no tools"
            hint = f"let one hand back to `{able[0]}`, or the caller never gets there again"
            yield warning(document.key_problem(("agents", name, "handoffs"), message, hint))


def _reached(start: str, edges: Edges) -> set[str]:
    """``start`` and all that its handoffs lead to."""
    reached, ahead = {start}, [start]
    while ahead:
        new = edges.get(ahead.pop(), set[str]()) - reached
        reached |= new
        ahead += new
    return reached
