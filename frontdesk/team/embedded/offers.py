"""Everything an agent could do next, each with the words that call for it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from agents import FunctionTool, Handoff, Tool
from frontdesk.desk.schema import Answer, Phrases
from frontdesk.team.embedded.hints import AgentHints, Target
from frontdesk.team.embedded.reading.parameters import Kind, Parameter, parameters
from frontdesk.team.embedded.reading.tokens import split_name

_HANDOFF_PREFACE = re.compile(
    r"^hand(?:s|ed)?\s?(?:off|over) to the .{1,60}? agent to handle the request\.\s*", re.IGNORECASE
)

_EXAMPLES = re.compile(r"\n\s*\n|\bExamples?:|\nCallers say")
"""Where a description ends and what callers say begins."""


class Deed(StrEnum):
    """The kinds of next step."""

    TOOL = "tool"
    HANDOFF = "handoff"
    ANSWER = "answer"


@dataclass(frozen=True)
class Offer:
    """One possible step: ``examples`` call for it outright, ``descriptions`` tell what it is,
    ``far`` are examples of what lies behind it."""

    deed: Deed
    name: str
    examples: tuple[str, ...]
    descriptions: tuple[str, ...]
    far: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    reply: str = ""
    target: str = ""
    """The agent that a handoff leads to."""
    template: str | None = None

    @property
    def required(self) -> tuple[Parameter, ...]:
        return tuple(parameter for parameter in self.parameters if parameter.required)

    @property
    def is_search(self) -> bool:
        """A tool that takes any question: all it must have is the caller's own words."""
        return bool(self.required) and all(p.kind is Kind.SENTENCE for p in self.required)

    @property
    def context(self) -> str:
        """Words of the offer itself, which are never a value in it."""
        names = (word for parameter in self.parameters for word in split_name(parameter.name))
        return " ".join((*split_name(self.name), *self.descriptions, *names))


def offers_for(
    tools: Iterable[Tool], handoffs: Iterable[Handoff], hints: AgentHints
) -> list[Offer]:
    """Tools, then handoffs, then fixed answers, without tools that speech cannot fill."""
    usable = (_tool(tool, hints.tools) for tool in tools if isinstance(tool, FunctionTool))
    return [
        *(o for o in usable if all(p.kind is not Kind.OPAQUE for p in o.required)),
        *(_handoff(handoff, hints) for handoff in handoffs),
        *(_answer(answer) for answer in hints.answers),
    ]


def _tool(tool: FunctionTool, phrases: Mapping[str, Phrases]) -> Offer:
    own = phrases.get(tool.name) or Phrases()
    return Offer(
        deed=Deed.TOOL,
        name=tool.name,
        examples=own.examples,
        descriptions=_described(tool.name, tool.description),
        parameters=parameters(tool.params_json_schema),
        template=own.answer,
    )


def _handoff(handoff: Handoff, hints: AgentHints) -> Offer:
    target = hints.targets.get(handoff.agent_name, Target(description=""))
    described = target.description or _HANDOFF_PREFACE.sub("", handoff.tool_description)
    return Offer(
        deed=Deed.HANDOFF,
        name=handoff.tool_name,
        examples=target.near,
        descriptions=_described(handoff.agent_name, described),
        far=target.far,
        target=handoff.agent_name,
    )


def _answer(answer: Answer) -> Offer:
    return Offer(Deed.ANSWER, answer.answer, answer.examples, (), reply=answer.answer)


def _described(name: str, description: str) -> tuple[str, ...]:
    """The name as words and the first paragraph; examples listed after it are not its meaning."""
    first = re.split(r"\n\s*\n|\bExamples?:|\nCallers say", description.strip(), maxsplit=1)[
        0
    ].strip()
    words = " ".join(split_name(name))
    return tuple(
        text for text in dict.fromkeys((f"{words}: {first}", first, words)) if text.strip(": ")
    )
