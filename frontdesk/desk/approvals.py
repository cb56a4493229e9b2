"""Which tool calls somebody has to approve, who is asked, and how it is put to them.

Rules stand under a glob of tool names, or at one tool, and are read in order: the first one that
fits a call decides it. A call that none fits needs nobody.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Literal, cast

from pydantic import BeforeValidator, Field

from frontdesk.desk.section import Duration, Section

By = Literal["spoken", "screen", "client", "nobody"]

ASK_VARIABLES = ("action", "arguments", "args")
"""What an ``ask`` template may use: the tool's name and its arguments in plain words, and the
arguments as they are."""


class Condition(Section):
    """What an argument must be for a rule to fit. All that is given must hold."""

    over: float | None = Field(default=None, description="A number greater than this.")
    at_least: float | None = None
    under: float | None = None
    at_most: float | None = None
    equals: str | bool | float | None = Field(default=None, description="This very value.")
    one_of: tuple[str | bool | float, ...] | None = None
    given: bool | None = Field(default=None, description="Whether the argument is there at all.")


class When(Section):
    """When a rule fits: always, if nothing is said. All that is said must hold."""

    destructive: bool | None = Field(
        default=None,
        description="The MCP server's word on the tool (destructiveHint; a tool that says nothing "
        "counts as destructive, as MCP has it). Never fits a function of tools/.",
    )
    read_only: bool | None = Field(
        default=None,
        description="The MCP server's word on the tool (readOnlyHint; one that says nothing counts "
        "as writing). Never fits a function of tools/.",
    )
    arguments: dict[str, Condition] = Field(
        default={},
        description="By the argument's name, dots for parts of it: amount, order.total. A value "
        "that cannot be compared fits, unless the rule lets the call through.",
    )


class Rule(Section):
    """Who approves the calls that this rule fits."""

    by: By = Field(
        description="spoken: the caller, aloud. screen: somebody at the dashboard or the API. "
        "client: the caller, in the client's own window, if it asked for that; else aloud. "
        "nobody: the call needs no approval."
    )
    when: When = When()
    ask: str | None = Field(
        default=None,
        description="Jinja2 template of the question, over `action`, `arguments` (both in plain "
        "words) and `args`; default: `lines.ask`.",
    )
    timeout: Duration = Field(default=60.0, gt=0, description="Without a decision it is denied.")


def _listed(value: object) -> object:
    """A rule, or just who approves, as a list of rules."""
    if isinstance(value, str):
        return [{"by": value}]
    return cast("list[object]", [value]) if isinstance(value, dict) else value


Rules = Annotated[
    tuple[Rule, ...],
    BeforeValidator(_listed, json_schema_input_type=By | Rule | tuple[Rule, ...]),
]
RulesByTool = dict[str, Rules]


class Policies(Section):
    """What holds for all tools of the team, after what a server or a tool says of itself."""

    approve: RulesByTool = Field(default={}, description="By globs of tool names.")


def rules_for(tool: str, *policies: Mapping[str, tuple[Rule, ...]]) -> tuple[Rule, ...]:
    """The rules of a tool, in the order in which they are read."""
    return tuple(
        rule
        for policy in policies
        for glob, rules in policy.items()
        if fnmatchcase(tool, glob)
        for rule in rules
    )
