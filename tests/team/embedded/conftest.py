"""A small team of another trade than any example, with real SDK agents on the embedded model."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from agents import Agent, FunctionTool, RunConfig, Runner, handoff
from frontdesk.desk.schema import Team
from frontdesk.team.embedded import EmbeddedModel, hints_for

TODAY = date(2026, 11, 22)  # a Sunday

GARAGE: dict[str, Any] = {
    "version": 1,
    "name": "garage",
    "entry": "counter",
    "tools": {
        "repair_status": {
            "call": "tools.garage:repair_status",
            "examples": ["Is my car ready?", "How far are you with the repair?"],
            "answer": "Job {{ args.job | spoken }} is {{ result.state }}"
            "{% if result.ready %} and ready on {{ result.ready | date }}{% endif %}.",
        },
        "cancel_job": {"call": "tools.garage:cancel_job", "examples": ["Please stop the repair"]},
        "book_service": {
            "call": "tools.garage:book_service",
            "examples": ["My car needs a service"],
        },
        "send_quote": {"call": "tools.garage:send_quote", "examples": ["Send me a quote"]},
    },
    "agents": {
        "counter": {
            "description": "Greets drivers.",
            "instructions": "x.md",
            "handoffs": ["workshop", "sales"],
            "answers": [
                {"examples": ["Hello", "Good morning"], "answer": "Garage, good day!"},
                {"examples": ["When do you open?"], "answer": "We open at eight."},
            ],
        },
        "workshop": {
            "description": "Repairs and services of cars.",
            "instructions": "x.md",
            "tools": ["repair_status", "cancel_job", "book_service"],
            "handoffs": ["counter"],
        },
        "sales": {
            "description": "Sells new and used cars.",
            "instructions": "x.md",
            "tools": ["send_quote"],
            "handoffs": ["counter"],
            "examples": ["I want to buy a car"],
        },
    },
}

_JOB = {"type": "string", "pattern": "^[0-9]{4}$", "description": "The four-digit job number"}
SCHEMAS: dict[str, tuple[str, dict[str, Any]]] = {
    "repair_status": ("Tell how far the repair of a car is.", {"job": _JOB}),
    "cancel_job": ("Cancel a repair.", {"job": _JOB}),
    "book_service": (
        "Book a service for a car.",
        {"day": {"type": "string", "format": "date", "description": "The day of the service"}},
    ),
    "send_quote": (
        "Send a quote for a car by e-mail.",
        {"email": {"type": "string", "format": "email", "description": "Where to send it"}},
    ),
}


@dataclass
class Garage:
    """The team, the calls its tools got, and what they give back."""

    agents: dict[str, Agent[Any]] = field(default_factory=dict[str, Agent[Any]])
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list[Any])
    results: dict[str, Any] = field(default_factory=dict[str, Any])
    history: list[Any] = field(default_factory=list[Any])
    floor: str = "counter"
    deltas: list[str] = field(default_factory=list[str])
    events: list[Any] = field(default_factory=list[Any])

    async def say(self, text: str, agent: str | None = None) -> str:
        """Run the real streamed runner on one more utterance; returns what was answered."""
        self.history.append({"role": "user", "content": text})
        result = Runner.run_streamed(
            self.agents[agent or self.floor],
            self.history,
            run_config=RunConfig(tracing_disabled=True),
            max_turns=8,
        )
        self.deltas, self.events = [], []
        async for event in result.stream_events():
            if event.type == "raw_response_event":
                self.events.append(event.data)
                if event.data.type == "response.output_text.delta":
                    self.deltas.append(event.data.delta)
        self.history = result.to_input_list()
        self.floor = result.last_agent.name
        return str(result.final_output)


@pytest.fixture
def garage() -> Garage:
    team = Team(**GARAGE)
    desk = Garage(results={"repair_status": {"state": "in work", "ready": "2026-12-05"}})

    def tool(name: str) -> FunctionTool:
        async def invoke(_context: Any, arguments: str) -> str:
            desk.calls.append((name, json.loads(arguments)))
            result = desk.results.get(name, {"ok": True})
            if isinstance(result, Exception):
                raise result
            return result if isinstance(result, str) else json.dumps(result)

        description, properties = SCHEMAS[name]
        schema = {"type": "object", "properties": properties, "required": list(properties)}
        return FunctionTool(
            name=name,
            description=description,
            params_json_schema=schema | {"additionalProperties": False},
            on_invoke_tool=invoke,
        )

    for name, spec in team.agents.items():
        desk.agents[name] = Agent(
            name=name,
            handoff_description=spec.description,
            model=EmbeddedModel(hints_for(team, name), today=lambda: TODAY),
            tools=[tool(t) for t in spec.tools],
        )
    for name, spec in team.agents.items():
        desk.agents[name].handoffs = [handoff(desk.agents[str(to)]) for to in spec.handoffs]
    return desk


@pytest.fixture
def no_meaning() -> Callable[[str, Any], list[float]]:
    """A similarity that knows nothing, for readings that must not need one."""
    return lambda _text, others: [0.0 for _ in others]
