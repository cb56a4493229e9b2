"""What a team remembers of its callers from one call to the next, and how they agree to that."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from frontdesk.desk.document import Document
from frontdesk.desk.problems import Problem, did_you_mean, warning
from frontdesk.desk.references import mapping
from frontdesk.desk.section import Section


class MemoryLines(Section):
    """What is said about remembering, word for word: these are no model's to put."""

    ask: str = Field(
        default="May I remember what we talk about, for when you call again? Please say yes or no.",
        description="Asked once, after the first answer.",
    )
    yes: str = Field(
        default="Thank you, I'll remember. What else can I do for you?",
        description="They want to be remembered.",
    )
    no: str = Field(
        default="All right, I won't. What else can I do for you?",
        description="They do not want to be remembered.",
    )
    forget: str = Field(
        default="Shall I forget what we talked about in your calls, and remember nothing of you "
        "from now on? Please say yes or no.",
        description="Asked before they are forgotten.",
    )
    forgotten: str = Field(
        default="It is forgotten.", description="They are forgotten (embedded model)."
    )


class Memory(Section):
    """Callers who are named when they connect, and want it, are known when they call again."""

    calls: int = Field(
        default=5, ge=1, le=50, description="Most earlier calls that agents are told of."
    )
    days: int = Field(
        default=90,
        ge=1,
        le=3650,
        description="How long a call is remembered; and what a caller said of being remembered, "
        "since their last call.",
    )
    characters: int = Field(
        default=4_000,
        ge=200,
        le=40_000,
        description="Most characters that agents are told of all earlier calls.",
    )
    consent: Literal["ask", "given", "never"] = Field(
        default="ask",
        description="ask: callers are asked aloud, once. given: only whoever connects can say that "
        "the caller agrees. never: nothing is remembered, whoever says what.",
    )
    summary: str | None = Field(
        default=None,
        description="A name under models: it sums up each call. Default: no model does; the "
        "caller's own last words and what was looked up are kept.",
    )
    lines: MemoryLines = MemoryLines()


def check_memory(document: Document, env: Mapping[str, str]) -> Iterator[Problem]:
    """Whether the model that sums calls up is one, and can."""
    data = mapping(document.data)
    name, models = mapping(data.get("memory")).get("summary"), mapping(data.get("models"))
    at = ("memory", "summary")
    if not isinstance(name, str):
        return  # the schema says so
    known: dict[str, Any] = models if "models" in data else {"main": None}
    if name not in known:
        message = f"no model `{name}` under `models`"
        yield document.problem(at, message, did_you_mean(name, known))
        return
    provider = mapping(known[name]).get("provider", "auto")
    keyless = provider == "auto" and not (env.get("OPENAI_API_KEY") or env.get("OPENAI_BASE_URL"))
    if provider == "embedded":
        why = "the embedded model sums nothing up: leave `summary` out for an extract"
        yield document.problem(at, f"`{name}`: {why}")
    elif keyless:
        message = (
            f"`{name}` is the embedded model where OPENAI_API_KEY is not set; calls are then kept "
            "as extracts"
        )
        yield warning(document.problem(at, message))
