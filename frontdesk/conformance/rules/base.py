"""What the rules share."""

from collections.abc import Iterator
from typing import Any

from frontdesk.conformance.verdicts import Event, Ledger, inner

TRANSCRIPTION = "conversation.item.input_audio_transcription"


class Rules:
    """Reads one session's frames in order. ``promises`` are what the server still owes."""

    area = "invariants"

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def sent(self, event: Event) -> None:
        """The client sent this."""

    def seen(self, event: Event) -> None:
        """The server sent this."""

    def promises(self) -> Iterator[tuple[str, str]]:
        """Rule and description of each event that has to come before the end."""
        yield from ()

    def must(self, rule: str, holds: bool, expected: str, event: Event | None) -> bool:
        return self._ledger.judge(self.area, rule, bool(holds), expected, event)


def items(event: Event) -> Iterator[dict[str, Any]]:
    """The conversation items that an event carries."""
    if item := inner(event, "item"):
        yield item
    yield from inner(event, "response").get("output") or []


def words(item: dict[str, Any]) -> list[str]:
    """What each content part of a message says; the arguments of a call."""
    if item.get("type") in ("function_call", "mcp_call"):
        return [str(item.get("arguments"))]
    parts: list[dict[str, Any]] = item.get("content") or []
    return [str(part.get("text") or part.get("transcript") or "") for part in parts]
