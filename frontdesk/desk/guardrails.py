"""Guardrails in a team file: what is looked for, and what happens when it is found."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from frontdesk.desk.section import Duration, Section

KINDS = ("pii", "words", "pattern", "call", "prompt")
PiiKind = Literal["card", "iban", "phone", "email", "national_id"]
Country = Literal[
    "au", "be", "br", "ca", "ch", "cn", "de", "es", "fr", "gb", "in", "it", "jp", "kr", "nl", "pl",
    "se", "us",
]  # fmt: skip
COUNTRIES: tuple[Country, ...] = ("us", "gb", "de", "fr", "kr")
Otherwise = Literal["pass", "block"]

LOCAL_HOLD, JUDGE_HOLD = 0.15, 1.5
"""Seconds that a check may hold words up, if nothing is said; a model takes longer than code."""


def _expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


class Guardrail(Section):
    """A check of what comes in or goes out; `pii`, `words`, `pattern`, `call` or `prompt` says
    what is looked for."""

    pii: tuple[PiiKind, ...] | None = Field(
        default=None,
        description="Personal data to look for, written or spoken out: card (with Luhn's check), "
        "iban, phone, email, national_id.",
    )
    countries: tuple[Country, ...] = Field(
        default=COUNTRIES,
        description="Whose national ids and phone numbers (those without a country code) are "
        "known, with pii.",
    )
    words: tuple[str, ...] | None = Field(
        default=None, description="Words and phrases; case makes no difference."
    )
    pattern: Annotated[str, AfterValidator(_expression)] | None = Field(
        default=None, description="A regular expression of Python; case makes no difference."
    )
    call: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="A function, tools.module:function, that gets the words.",
    )
    prompt: str | None = Field(
        default=None,
        description="A Markdown file, relative to this one: what a model has to watch for.",
    )
    model: str | None = Field(
        default=None, description="With prompt: a name under models; default: the first."
    )
    mode: Literal["block", "replace", "audit"] = Field(
        default="block",
        description="Say a line and nothing more, say something else in its place, or only note it "
        "in the trace.",
    )
    say: str | None = Field(
        default=None, description="With mode block: the line; default: lines.blocked."
    )
    replacement: str | None = Field(
        default=None,
        description="With mode replace: what is said in its place; {kind} and {last} (four "
        "figures) stand for what was found, with pii.",
    )
    hold: Duration | None = Field(
        default=None,
        description="Longest the check may hold words up; default: 150ms, and 1500ms with prompt.",
    )
    on_timeout: Otherwise = Field(
        default="block", description="What happens to words whose check takes longer than that."
    )
    on_error: Otherwise = Field(
        default="block", description="What happens to words whose check fails."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> "Guardrail":
        said = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(said) != 1:
            found = " and ".join(said) or "none of them"
            raise ValueError(f"expected one of {', '.join(KINDS)}, found {found}")
        if not getattr(self, said[0]):
            raise ValueError(f"`{said[0]}` is empty")
        for phrase in self.words or ():
            if not re.search(r"\w", phrase):
                raise ValueError(f"`{phrase}` has no word in it")
        alone = self.words or self.pattern or self.prompt
        if self.mode == "replace" and alone and self.replacement is None:
            raise ValueError(f"`mode: replace` of `{said[0]}` needs a `replacement`")
        idle = {
            "replacement": self.mode != "replace",
            "say": self.mode == "audit",
            "model": self.prompt is None,
            "countries": self.pii is None,
        }
        for key, useless in idle.items():
            if useless and key in self.model_fields_set:
                raise ValueError(f"`{key}` has no meaning with `{said[0]}` and `mode: {self.mode}`")
        return self

    @property
    def seconds(self) -> float:
        """The longest hold."""
        if self.hold is not None:
            return self.hold
        return JUDGE_HOLD if self.prompt else LOCAL_HOLD


class AgentGuardrails(Section):
    """Guardrails of an agent, by their names under guardrails."""

    input: tuple[str, ...] = Field(default=(), description="For what the caller says.")
    output: tuple[str, ...] = Field(default=(), description="For what the agent says.")


class ToolGuardrails(Section):
    """Guardrails of a tool, by their names under guardrails."""

    arguments: tuple[str, ...] = Field(default=(), description="For what it is called with.")
    results: tuple[str, ...] = Field(default=(), description="For what it gives back.")


class Defaults(Section):
    """What holds for every agent."""

    guardrails: AgentGuardrails = AgentGuardrails()
