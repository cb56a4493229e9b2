"""Each agent of the desk as a tool of MCP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp_types import Tool, ToolAnnotations

from frontdesk.call.live_team import LiveTeam

LONGEST = 16_000
"""Characters of one request."""

REQUEST = "request"
CONVERSATION = "conversation_id"

INPUT: dict[str, Any] = {
    "type": "object",
    "properties": {
        REQUEST: {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST,
            "description": "What you want, in words, as you would say it to a person.",
        },
        CONVERSATION: {
            "type": "string",
            "description": "Goes on with an earlier conversation: what an earlier answer gave. "
            "Leave it out to begin a new one.",
        },
    },
    "required": [REQUEST],
    "additionalProperties": False,
}

OUTPUT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "answer": {"type": "string", "description": "The answer, in words."},
        CONVERSATION: {"type": "string", "description": "Give it to go on."},
        "agent": {"type": "string", "description": "Who has the floor now."},
    },
    "required": ["answer", CONVERSATION, "agent"],
}


@dataclass(frozen=True, slots=True)
class AgentTool:
    """``tool`` asks ``agent`` of ``team``."""

    team: str
    agent: str
    tool: Tool


def agent_tools(teams: Mapping[str, LiveTeam]) -> dict[str, AgentTool]:
    """The tools by name, ``TEAM_AGENT``, a team's first agent first. Where two would have one name,
    the second gets a number."""
    found: dict[str, AgentTool] = {}
    for team, live in teams.items():
        desk = live.loaded.team
        for agent in sorted(desk.agents, key=lambda agent: agent != desk.entry):
            name = plain = f"{team}_{agent}"
            number = 2
            while name in found:
                name, number = f"{plain}_{number}", number + 1
            does = desk.agents[agent].description or ""
            about = f"{desk.description or ''}".strip()
            tool = Tool(
                name=name,
                title=f"{agent} of {team}",
                description=f"Ask the agent {agent!r} of the team {team!r}. {does} {about}".strip(),
                input_schema=INPUT,
                output_schema=OUTPUT,
                annotations=ToolAnnotations(read_only_hint=False, open_world_hint=True),
            )
            found[name] = AgentTool(team, agent, tool)
    return found
