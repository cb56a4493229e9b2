"""Work that goes on while caller and agent talk: which tools and agents do it, and how it is told.

A function, or an agent that others may delegate to, is marked ``background: true`` or with a
section. :func:`check_background` finds marks that cannot work.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from frontdesk.desk.document import Document
from frontdesk.desk.problems import Problem, did_you_mean
from frontdesk.desk.references import handoff_targets, items, mapping
from frontdesk.desk.section import Duration, Section


class Background(Section):
    """How a tool works in the background."""

    called: str | None = Field(
        default=None,
        description="What it is called when it is talked about: the stock check; default: the "
        "tool's name.",
    )
    grace: Duration = Field(
        default=0.4,
        le=3,
        description="How long the agent waits for a result before it talks on: what is quicker is "
        "answered at once.",
    )
    acknowledge_after: Duration = Field(
        default=4.0, description="After this long the caller hears that it is still going on."
    )
    say: str | None = Field(
        default=None, description="What the caller hears then; default: `still` under `lines`."
    )
    progress: bool = Field(
        default=True, description="Whether the caller hears the progress that the work reports."
    )
    deadline: Duration = Field(default=120.0, gt=0, description="Longest run before it is stopped.")
    duplicates: Literal["join", "refuse", "queue"] = Field(
        default="join",
        description="The same tool with the same arguments once more, while it still runs: it is "
        "joined to the first, refused, or done after it.",
    )
    at_once: int = Field(
        default=4, ge=1, le=32, description="How many run at once in a call; more wait their turn."
    )
    restart: bool = Field(
        default=False,
        description="Whether work cut off by a crash is begun again (safe only where doing it "
        "twice does no harm); else the caller is told that it was lost.",
    )
    after_call: Literal["cancel", "finish"] = Field(
        default="cancel",
        description="What becomes of it when the caller hangs up: it is cancelled, or goes on to "
        "its deadline.",
    )


def _section(value: object) -> object:
    """``true`` is a section with nothing in it, ``false`` none."""
    if value is True:
        return {}
    return None if value is False else value


Mark = Annotated[
    Background | None,
    BeforeValidator(_section, json_schema_input_type=bool | Background | None),
    Field(description="Runs while the talk goes on: true, or how."),
]


def check_background(document: Document) -> Iterator[Problem]:
    """Lines and limits that background work has no use for, and delegates that are none."""
    data = mapping(document.data)
    for name, tool in mapping(data.get("tools")).items():
        if mapping(tool).get("background"):
            for key, instead in (("timeout", "deadline"), ("say_while_waiting", "say")):
                if key in mapping(tool):
                    message = f"work in the background has no `{key}`"
                    hint = f"it has a `{instead}` under `background`"
                    yield document.key_problem(("tools", name, key), message, hint)
    agents = mapping(data.get("agents"))
    for name, agent in agents.items():
        yield from _check_delegates(document, name, mapping(agent), agents)


def _check_delegates(
    document: Document, name: str, agent: dict[str, Any], agents: dict[str, Any]
) -> Iterator[Problem]:
    behind = [other for other in agents if mapping(agents[other]).get("background")]
    for index, to in enumerate(items(agent.get("delegates"))):
        place = ("agents", name, "delegates", index)
        if isinstance(to, str) and to not in agents:
            message = f"no agent `{to}` under `agents`"
            yield document.problem(place, message, did_you_mean(to, behind or agents))
        elif isinstance(to, str) and to not in behind:
            message = f"`{to}` does not work in the background"
            yield document.problem(place, message, "mark it `background: true`")
    for index, to in handoff_targets(agent):
        if to in behind:
            message = f"`{to}` works in the background, and never talks to the caller"
            hint = "list it under `delegates`"
            yield document.problem(("agents", name, "handoffs", index), message, hint)
    if name in behind:
        for key in ("handoffs", "delegates", "voice", "context"):
            if agent.get(key):
                message = f"`{name}` works in the background: it has no use for `{key}`"
                yield document.key_problem(("agents", name, key), message)
        if mapping(document.data).get("entry") == name:
            message = f"`{name}` works in the background: it cannot answer the phone"
            yield document.problem(("entry",), message)
