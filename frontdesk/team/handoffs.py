"""The edges of a team, as agents use them."""

from frontdesk.desk.handoffs import Handoff as Edge
from frontdesk.desk.schema import Agent, Team

HANDOFF_PREFIX = "transfer_to_"
"""A handoff is a tool of this name and the other agent's."""


def edges(agent: Agent) -> list[Edge]:
    """An agent's handoffs in their long form."""
    return [edge if isinstance(edge, Edge) else Edge(to=edge) for edge in agent.handoffs]


def edge_between(team: Team, agent: str, other: str) -> Edge:
    """The handoff from one agent to another."""
    found = (edge for edge in edges(team.agents[agent]) if edge.to == other)
    return next(found, Edge(to=other))
