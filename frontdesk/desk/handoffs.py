"""An edge of a team: who takes over, what they are told, and how an agent sounds."""

from typing import Literal

from pydantic import Field

from frontdesk.desk.section import Section


class Last(Section):
    """The newest part of the conversation."""

    last: int = Field(
        ge=1,
        le=1000,
        description="How many exchanges: what the caller said, and all that followed until they "
        "spoke again.",
    )


History = Literal["full", "summary", "none"] | Last


class Handoff(Section):
    """An edge to another agent."""

    to: str
    say: str | None = Field(default=None, description="Spoken by the agent that hands over.")
    history: History = Field(
        default="full",
        description="What the other agent is shown of the conversation before the question it "
        "takes over: full, summary, none, or last: 3 (exchanges).",
    )


class AgentVoice(Section):
    """How an agent sounds. What is left out is as the team has it."""

    voice: str | None = Field(default=None, description="The voice's name at the provider.")
    style: str | None = Field(default=None, description="How to speak, in plain words.")
    speed: float | None = Field(default=None, ge=0.25, le=1.5)
