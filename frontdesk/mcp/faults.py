"""What went wrong on the way to a server, and how to say it to a model.

The MCP client turns every HTTP failure into the same error (``-32603 Server returned an error
response``), so the HTTP layer leaves a note here, in the context of the call that suffered it.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal, cast

from agents.exceptions import UserError
from mcp.shared.exceptions import MCPError
from mcp.types import CONNECTION_CLOSED
from pydantic import ValidationError

LONGEST_WISH = 3600.0
"""Seconds. A longer ``Retry-After`` is taken for a mistake."""


class ToolCallError(UserError):
    """A tool call that failed, in words for the model.

    It is the SDK's ``UserError`` because that is the one error that the SDK hands to a server's
    failure function as it is, neither wrapped nor logged with a stack.

    ``status`` is the HTTP status that stands for the failure, ``code`` the JSON-RPC one: at most
    one of them is given, and neither when it was the tool that failed. ``fault`` is the kind of
    trouble, in one word for the trace.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: int | None = None,
        fault: str = "tool",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.fault = fault


class PinsUnknown(Exception):
    """It cannot be told whether the tools are what they were."""


@dataclass(frozen=True, slots=True)
class Fault:
    """``unreachable``: the request never arrived. ``forbidden``: it was not sent to where it would
    have gone. ``broken``: it may have arrived. ``status``: refused."""

    kind: Literal["unreachable", "forbidden", "broken", "status", "too_large"]
    detail: str
    status: int = 0
    retry_after: str | None = None

    @property
    def is_busy(self) -> bool:
        """Whether the server would take the request at another time, and has not taken it now."""
        return self.status == 429 or (self.status == 503 and self.retry_after is not None)

    @property
    def word(self) -> str:
        """The kind of trouble, for the trace."""
        if self.kind != "status":
            return self.kind
        if self.is_busy:
            return "rate_limited"
        return "server_error" if self.status >= 500 else "refused"


_slot: ContextVar[list[Fault] | None] = ContextVar("frontdesk_mcp_faults", default=None)


@contextmanager
def watch_faults() -> Generator[list[Fault]]:
    """Collect the faults of everything that is awaited inside, in order."""
    faults: list[Fault] = []
    token = _slot.set(faults)
    try:
        yield faults
    finally:
        _slot.reset(token)


def note_fault(fault: Fault) -> None:
    """Leave a note for whoever watches in this context."""
    if (faults := _slot.get()) is not None:
        faults.append(fault)


def forget_faults() -> None:
    """What went wrong so far in this context does not count: it is tried again."""
    if (faults := _slot.get()) is not None:
        faults.clear()


def call_error(server: str, error: BaseException | None, faults: list[Fault]) -> ToolCallError:
    """A failed call as an error."""
    words = in_words(server, error, faults)
    if faults:
        last = faults[-1]
        stand_in = 503 if last.kind in ("unreachable", "forbidden") else 502
        return ToolCallError(words, status=last.status or stand_in, fault=last.word)
    leaf = _leaf(error)
    if isinstance(leaf, MCPError) and leaf.error.code != CONNECTION_CLOSED:
        return ToolCallError(words, code=leaf.error.code, fault="rejected")
    is_nonsense = isinstance(leaf, ValidationError | RuntimeError)
    fault = "bad_answer" if is_nonsense else "broken"
    return ToolCallError(words, code=CONNECTION_CLOSED, fault=fault)


def is_failure(error: ToolCallError) -> bool:
    """Whether the server is to blame: it was asked, and did not answer as a server does."""
    return error.fault in ("timeout", "broken", "server_error", "bad_answer")


def in_words(server: str, error: BaseException | None, faults: list[Fault]) -> str:
    """One plain sentence about a failure, without addresses, stacks or secrets."""
    leaf = _leaf(error)
    if isinstance(leaf, PinsUnknown):
        return f"What the {server} service offered before is not known: the store does not answer."
    if faults:
        return f"The {server} service {_fault_words(faults[-1])}"
    if isinstance(leaf, MCPError) and leaf.error.code != CONNECTION_CLOSED:
        return f"The {server} service rejected the request: {leaf.error.message}"
    if isinstance(leaf, TimeoutError):
        return f"The {server} service did not answer in time."
    if isinstance(leaf, FileNotFoundError | PermissionError):
        return f"The {server} service could not be started: {leaf.strerror}."
    if isinstance(leaf, ValidationError | RuntimeError):
        return f"The {server} service sent an answer that does not follow the protocol."
    return (
        f"The connection to the {server} service was lost; "
        "it is not known whether the request took effect."
    )


def _fault_words(fault: Fault) -> str:
    if fault.kind == "unreachable":
        return "cannot be reached right now."
    if fault.kind == "forbidden":
        return "is at a private address, which this desk does not allow."
    if fault.kind == "broken":
        return "broke off while working; it is not known whether the request took effect."
    if fault.kind == "too_large":
        return "sent far too much data."
    if fault.status in (401, 403):
        return f"refused access ({fault.status}): its credentials need attention."
    if fault.is_busy:
        seconds = None if fault.retry_after is None else seconds_of(fault.retry_after)
        wait = "" if seconds is None else f"; try again in {seconds:.0f} seconds"
        return f"is too busy right now ({fault.status}){wait}."
    if fault.status >= 500:
        return f"had an error of its own ({fault.status})."
    return f"refused the request ({fault.status})."


def _leaf(error: BaseException | None) -> BaseException | None:
    """The first real error inside nested groups (task groups wrap what their tasks raise)."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


def seconds_of(retry_after: str) -> float | None:
    """The header's value, seconds or a date (RFC 9110, 10.2.3); None where it is neither."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_WISH)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - datetime.now(UTC)).total_seconds(), 0.0), LONGEST_WISH)
