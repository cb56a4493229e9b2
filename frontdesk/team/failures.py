"""What a model is told when a tool fails, and what the call is told when a run does.

The SDK marks the span of a failed tool with the error itself; the model only gets a sentence.
"""

import json
import logging
from typing import Any

import openai
from agents.exceptions import ModelTimeoutError
from agents.tool_context import ToolContext
from jsonschema import Draft202012Validator
from opentelemetry import trace

from agents import (
    MaxTurnsExceeded,
    ModelBehaviorError,
    RunContextWrapper,
    ToolTimeoutError,
)
from frontdesk.mcp.faults import ToolCallError
from frontdesk.team.context import TurnContext
from frontdesk.team.events import TurnFailed

logger = logging.getLogger(__name__)


class ToolError(Exception):
    """Raised by a function of ``tools/`` to tell the model what is wrong, in its own words."""


def tool_failure(
    context: RunContextWrapper[Any], error: Exception, schema: dict[str, Any] | None = None
) -> str:
    """The sentence that the model reads instead of a result (an SDK ``ToolErrorFunction``).

    With the tool's ``schema``, wrong arguments are named. Faults that are nobody's wording are
    logged with their stack, and are in the trace with it.
    """
    if isinstance(context, ToolContext) and isinstance(context.context, TurnContext):
        context.context.failed.add(context.tool_call_id)
    if isinstance(error, ToolError | ToolCallError):
        return str(error)
    if isinstance(error, ToolTimeoutError):
        return (
            f"The tool did not finish within {error.timeout_seconds:g} seconds and was given up; "
            "it is not known whether it took effect."
        )
    if isinstance(error, ModelBehaviorError):
        given = context.tool_arguments if isinstance(context, ToolContext) else ""
        return f"The tool was not run: {_argument_problem(given, schema or {})}"
    name = context.tool_name if isinstance(context, ToolContext) else "?"
    logger.error("Tool %s failed", name, exc_info=error)
    trace.get_current_span().record_exception(error)
    return "The tool failed because of a fault of its own. Do not try it again with the same input."


def _argument_problem(given: str, schema: dict[str, Any]) -> str:
    try:
        arguments = json.loads(given or "{}")
    except ValueError:
        return "its arguments are not JSON."
    problems: Any = Draft202012Validator(schema).iter_errors(arguments)  # pyright: ignore[reportUnknownMemberType]
    found = "; ".join(f"{problem.json_path}: {problem.message}" for problem in problems)
    return f"wrong arguments ({found})." if found else "its arguments do not fit."


def turn_failure(error: BaseException) -> TurnFailed:
    """``error``, which ended a run, as the call sees it."""
    failed = TurnFailed(str(error) or type(error).__name__, _code(error))
    failed.__cause__ = error
    return failed


def _code(error: BaseException) -> str:
    match error:
        case MaxTurnsExceeded():
            return "too_many_steps"
        case ModelTimeoutError() | openai.APITimeoutError() | TimeoutError():
            return "model_timeout"
        case openai.APIConnectionError():
            return "model_unreachable"
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return "model_refused_access"
        case openai.RateLimitError():
            return "model_busy"
        case ModelBehaviorError():
            return "model_misbehaved"
        case _:
            return "model_error"
