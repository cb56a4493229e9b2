"""What a team file tells the embedded model about one agent: examples, templates, fixed lines."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontdesk.desk.handoffs import Handoff
from frontdesk.desk.schema import Agent, Answer, Lines, Phrases, Team
from frontdesk.team.background import ASK_PREFIX
from frontdesk.team.background_tools import PHRASES
from frontdesk.team.memory_tools import phrases


@dataclass(frozen=True)
class Target:
    """Another agent, as an agent that may hand over to it sees it.

    ``near`` are things it deals with itself, ``far`` things that those behind it deal with.
    """

    description: str
    near: tuple[str, ...] = ()
    far: tuple[str, ...] = ()


@dataclass(frozen=True)
class AgentHints:
    """Everything the embedded model knows beyond the tools and handoffs of a request."""

    agent: str = ""
    entry: str = ""
    tools: Mapping[str, Phrases] = field(default_factory=dict[str, Phrases])
    targets: Mapping[str, Target] = field(default_factory=dict[str, Target])
    answers: tuple[Answer, ...] = ()
    lines: Lines = field(default_factory=Lines)
    background: Mapping[str, str] = field(default_factory=dict[str, str])
    """Templates of all background tools of the team: their results come to whoever has the floor
    then."""


def hints_for(team: Team, agent: str) -> AgentHints:
    """The hints for ``agent`` of ``team``; raises KeyError when the team has no such agent."""
    own = team.agents[agent]
    return AgentHints(
        agent=agent,
        entry=team.entry,
        tools=_phrases(team, own)
        | (PHRASES if _delegates(team) else {})
        | (phrases(team.memory) if team.memory else {}),
        targets={to: _target(team, to, agent) for to in _handoffs(own) if to in team.agents},
        answers=own.answers,
        lines=team.lines,
        background={
            name: tool.answer
            for name, tool in team.tools.items()
            if tool.background and tool.answer
        },
    )


def _delegates(team: Team) -> bool:
    tools = any(tool.background for tool in team.tools.values())
    return tools or any(agent.background for agent in team.agents.values())


def _handoffs(agent: Agent) -> list[str]:
    return [edge.to if isinstance(edge, Handoff) else edge for edge in agent.handoffs]


def _phrases(team: Team, agent: Agent) -> dict[str, Phrases]:
    """Examples and templates by tool name, as the SDK will name the tools."""
    found: dict[str, Phrases] = {}
    for server in agent.mcp:
        if server in team.mcp:
            found |= team.mcp[server].phrases
    found |= {
        f"{ASK_PREFIX}{name}": Phrases(examples=_deals_with(team, team.agents[name]))
        for name in agent.delegates
        if name in team.agents
    }
    return found | {name: team.tools[name] for name in agent.tools if name in team.tools}


def _target(team: Team, to: str, asking: str) -> Target:
    agent = team.agents[to]
    behind = [name for name in _handoffs(agent) if name not in (asking, to) and name in team.agents]
    return Target(
        description=agent.description,
        near=_deals_with(team, agent),
        far=tuple(
            phrase
            for name in behind
            for phrase in (team.agents[name].description, *_deals_with(team, team.agents[name]))
        ),
    )


def _deals_with(team: Team, agent: Agent) -> tuple[str, ...]:
    tools = _phrases(team, agent)
    return (
        *agent.examples,
        *(example for phrases in tools.values() for example in phrases.examples),
        *(" ".join(name.split("_")) for name in tools),
        *(example for answer in agent.answers for example in answer.examples),
    )
