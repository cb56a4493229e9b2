"""What pipecat's parser cannot live with (3.3): it ends its receive loop."""

from typing import Any

from frontdesk.conformance.rules.base import Rules, items
from frontdesk.conformance.verdicts import Event, Ledger

KNOWN = ("message", "function_call", "function_call_output")
ECHOED = {"model", "language", "prompt"}


class Pipecat(Rules):
    area = "pipecat"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._wants_mcp = False
        self._transcription: set[str] = set()

    def sent(self, event: Event) -> None:
        given: Any = event.get("session") or event.get("response")
        if not isinstance(given, dict):
            return
        tools: Any = given.get("tools") or []
        if isinstance(tools, list):
            self._wants_mcp |= any(isinstance(t, dict) and t.get("type") == "mcp" for t in tools)
        audio: Any = given.get("audio")
        taken: Any = audio.get("input") if isinstance(audio, dict) else None
        wanted: Any = taken.get("transcription") if isinstance(taken, dict) else None
        if isinstance(wanted, dict):
            self._transcription |= wanted.keys()

    def seen(self, event: Event) -> None:
        for item in items(event):
            if not self._wants_mcp:
                kind = item.get("type")
                self.must("items", kind in KNOWN, f"an item of type {', '.join(KNOWN)}", event)
        if event["type"] in ("session.created", "session.updated"):
            taken = (event["session"].get("audio") or {}).get("input") or {}
            echoed: dict[str, Any] = taken.get("transcription") or {}
            extra = echoed.keys() - ECHOED - self._transcription
            expected = f"transcription without {', '.join(sorted(extra))}, which nobody set"
            self.must("transcription", not extra, expected, event)
