"""What pipecat's parser cannot live with (3.3): it ends its receive loop."""

from typing import Any, cast

from frontdesk.conformance.rules.base import Rules, items
from frontdesk.conformance.verdicts import Event, Ledger, inner

KNOWN = ("message", "function_call", "function_call_output")
ECHOED = {"model", "language", "prompt"}


class Pipecat(Rules):
    area = "pipecat"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._wants_mcp = False
        self._transcription: set[str] = set()

    def sent(self, event: Event) -> None:
        given = inner(event, "session") or inner(event, "response")
        tools: Any = given.get("tools")
        if isinstance(tools, list):
            kinds = {inner(tool).get("type") for tool in cast("list[Any]", tools)}
            self._wants_mcp |= "mcp" in kinds
        self._transcription |= inner(given, "audio", "input", "transcription").keys()

    def seen(self, event: Event) -> None:
        for item in items(event):
            if not self._wants_mcp:
                kind = item.get("type")
                self.must("items", kind in KNOWN, f"an item of type {', '.join(KNOWN)}", event)
        if event["type"] in ("session.created", "session.updated"):
            echoed = inner(event, "session", "audio", "input", "transcription")
            extra = echoed.keys() - ECHOED - self._transcription
            expected = f"transcription without {', '.join(sorted(extra))}, which nobody set"
            self.must("transcription", not extra, expected, event)
