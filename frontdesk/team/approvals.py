"""Before a tool runs: whether somebody has to approve this call, and what they are asked.

A call that needs approval does not run. It gives a note that nobody reads, the run ends, and the
call as a whole (``frontdesk.call.questions``) carries it from there: the decision may come minutes
later and in another process. A run that begins with the decided call comes by here again, and goes
through or is refused.
"""

import json
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from agents.tool_context import ToolContext
from mcp.types import ToolAnnotations

from agents import FunctionTool
from frontdesk.desk.approvals import Condition, Rule, When
from frontdesk.team.asking import question
from frontdesk.team.context import TurnContext
from frontdesk.team.events import ApprovalNeeded

WAITS = "Not run yet: it has to be approved first."
CANNOT_ASK = (
    "Not run: it has to be approved, and nobody can be asked in a response beside the conversation."
)


def ask_first(
    tool: FunctionTool,
    rules: tuple[Rule, ...],
    *,
    ask_in: Callable[[str | None], tuple[str, bool]],
    hints: ToolAnnotations | None = None,
    server: str | None = None,
) -> None:
    """Put ``rules`` before ``tool``, in place. ``ask_in`` gives the team's own question in a
    language, and whether the rules' are in that, too. ``hints`` are what its MCP ``server`` says
    of it."""
    invoke = tool.on_invoke_tool
    is_mcp = server is not None

    async def approved_only(context: ToolContext[Any], arguments: str) -> Any:
        turn: TurnContext = context.context
        call_id = context.tool_call_id
        decided = turn.decided.get(call_id)
        if decided is not None and decided.refusal is not None:
            turn.failed.add(call_id)
            return decided.refusal
        args = _object(arguments)
        rule = None if decided else deciding(rules, args, hints if is_mcp else None, is_mcp=is_mcp)
        if rule is None or rule.by == "nobody":
            return await invoke(context, arguments)
        if turn.held is None:
            turn.failed.add(call_id)
            return CANNOT_ASK
        lines_ask, own = ask_in(turn.language)
        title = hints.title if hints and hints.title else tool.name
        turn.asked[call_id] = ApprovalNeeded(
            call_id,
            tool.name,
            arguments,
            context.agent.name if context.agent else "",
            server,
            rule.by,
            question(rule.ask if own else None, lines_ask, title, args, tool.params_json_schema),
            rule.timeout,
        )
        return WAITS

    tool.on_invoke_tool = approved_only


def deciding(
    rules: tuple[Rule, ...],
    args: Mapping[str, Any],
    hints: ToolAnnotations | None,
    *,
    is_mcp: bool,
) -> Rule | None:
    """The first rule that fits a call."""
    return next((rule for rule in rules if _fits(rule, args, hints, is_mcp=is_mcp)), None)


def _fits(
    rule: Rule, args: Mapping[str, Any], hints: ToolAnnotations | None, *, is_mcp: bool
) -> bool:
    """What cannot be told counts against letting the call through."""
    unknown = rule.by != "nobody"
    if not _hinted(rule.when, hints, is_mcp=is_mcp):
        return False
    for path, condition in rule.when.arguments.items():
        holds = _holds(condition, _value(args, path))
        if not (unknown if holds is None else holds):
            return False
    return True


def _hinted(when: When, hints: ToolAnnotations | None, *, is_mcp: bool) -> bool:
    """By MCP's defaults: a tool that says nothing writes, and destroys."""
    if when.read_only is None and when.destructive is None:
        return True
    if not is_mcp:
        return False
    reads = bool(hints and hints.read_only_hint)
    destroys = not reads and (hints is None or hints.destructive_hint is not False)
    return (when.read_only in (None, reads)) and (when.destructive in (None, destroys))


def _value(args: Mapping[str, Any], path: str) -> Any:
    """The argument of that name, or a part of it; None when there is none."""
    if path in args:
        return args[path]
    node: Any = args
    for part in path.split("."):
        node = node.get(part) if isinstance(node, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return node  # pyright: ignore[reportUnknownVariableType]


def _holds(condition: Condition, value: Any) -> bool | None:
    """Whether a condition holds for a value; None when it cannot be told."""
    if condition.given is not None and condition.given != (value is not None):
        return False
    verdicts: list[bool | None] = []
    number = _number(value)
    for limit, compare in (
        (condition.over, operator.gt),
        (condition.at_least, operator.ge),
        (condition.under, operator.lt),
        (condition.at_most, operator.le),
    ):
        if limit is not None:
            verdicts.append(None if number is None else compare(number, limit))
    if condition.equals is not None:
        verdicts.append(None if value is None else _same(value, condition.equals))
    if condition.one_of is not None:
        verdicts.append(None if value is None else any(_same(value, v) for v in condition.one_of))
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _number(value: Any) -> float | None:
    """A number, also where a model wrote it as text; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return None if math.isnan(number) else number


def _same(value: Any, wanted: object) -> bool:
    if isinstance(value, str) and isinstance(wanted, str):
        return value.casefold() == wanted.casefold()
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    number, other = _number(value), _number(wanted)
    return value == wanted or (number is not None and number == other)


def _object(arguments: str) -> dict[str, Any]:
    try:
        value: Any = json.loads(arguments or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]
