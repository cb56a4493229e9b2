"""Teams made on the spot, with the SDK's scripted model behind their agents."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from agents.testing import ScriptedModel

from agents import Model
from frontdesk.desk.schema import ModelChoice, Team
from frontdesk.mcp.connections import McpConnections
from frontdesk.settings import Settings
from frontdesk.team.events import TeamEvent, TurnRequest
from frontdesk.team.models import ModelRegistry
from frontdesk.team.runner import TeamRunner

TRACE = "0123456789abcdef0123456789abcdef"
TOOLS = '''
import asyncio
import threading

from agents import RunContextWrapper

from frontdesk.team.context import CallContext
from frontdesk.team.failures import ToolError

from .places import known

started = asyncio.Event()
stopped = asyncio.Event()


async def estimate(city: str, express: bool = False) -> dict:
    """Estimates the delivery time.

    Args:
        city: Where the parcel goes.
    """
    if city not in known:
        raise ToolError(f"We do not deliver to {city}.")
    return {"city": city, "days": 1 if express else 3}


def blocking(name: str) -> str:
    """Runs in a thread."""
    return f"{name} in {threading.current_thread().name}"


async def broken() -> str:
    """Always fails."""
    raise RuntimeError("password is hunter2")


async def slow() -> str:
    """Never ends."""
    started.set()
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        stopped.set()
        raise
    return "never"


async def whose(call: CallContext, greeting: str) -> str:
    """Greets the caller."""
    call.report("looking up the name")
    return f"{greeting} {call.variables['caller']} on {call.call_id}"


async def whose_too(context: RunContextWrapper) -> str:
    """Greets by the SDK's context."""
    return context.context.call_id
'''


class ScriptedRegistry(ModelRegistry):
    """Gives each agent the scripted model made for it, and the real thing for the others."""

    def __init__(self, scripts: Mapping[str, Model]) -> None:
        super().__init__(Settings(models="instant"), environ={})
        self.scripts = scripts

    def model(self, team: Team, agent: str) -> Model:
        return self.scripts.get(agent) or super().model(team, agent)

    def writes(self, choice: ModelChoice) -> bool:
        return True


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A desk with a folder of functions."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "shipping.py").write_text(TOOLS)
    (tmp_path / "tools" / "places.py").write_text('known = {"Seoul", "Bonn"}\n')
    return tmp_path


def team_of(agents: dict[str, Any], **sections: Any) -> Team:
    described = {
        name: {"description": f"The {name} agent.", "instructions": "x.md", **agent}
        for name, agent in agents.items()
    }
    return Team.model_validate(
        {
            "version": 1,
            "name": "support",
            "entry": next(iter(agents)),
            "agents": described,
            "variables": {"caller": "Kim"},
            **sections,
        }
    )


StartTeam = Callable[..., Awaitable[TeamRunner]]


@pytest.fixture
async def start_team(desk: Path) -> AsyncIterator[StartTeam]:
    """Starts a team from its agents' sections, each with a script for its model."""
    started: list[TeamRunner] = []

    async def start(
        agents: dict[str, Any],
        scripts: Mapping[str, Any] | None = None,
        mcp_connections: McpConnections | None = None,
        **sections: Any,
    ) -> TeamRunner:
        models = {
            name: script if isinstance(script, Model) else ScriptedModel(script, emit_traces=True)
            for name, script in (scripts or {}).items()
        }
        runner = TeamRunner(
            team_of(agents, **sections),
            desk_root=desk,
            prompt=lambda agent, variables: f"You are {agent} for {variables['caller']}.",
            mcp=mcp_connections or McpConnections(),
            models=ScriptedRegistry(models),
        )
        await runner.start()
        started.append(runner)
        return runner

    yield start
    for runner in started:
        await runner.aclose()


def asked(text: str = "hello", **fields: Any) -> TurnRequest:
    fields = {
        "call_id": "sess_1",
        "agent": "frontdesk",
        "trace_id": TRACE,
        "history": [{"role": "user", "content": text}],
        **fields,
    }
    return TurnRequest(**fields)


async def heard(runner: TeamRunner, request: TurnRequest) -> list[TeamEvent]:
    return [event async for event in runner.run(request)]


def arguments(**values: Any) -> str:
    return json.dumps(values)


@pytest.fixture
def make_team() -> Callable[..., Team]:
    return team_of


@pytest.fixture
def ask() -> Callable[..., TurnRequest]:
    return asked


@pytest.fixture
def hear() -> Callable[[TeamRunner, TurnRequest], Awaitable[list[TeamEvent]]]:
    return heard
