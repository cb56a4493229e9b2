"""What ``@openai/agents-realtime`` asks beyond the types (3.2): it drops an event silently
otherwise, and does nothing of what should follow."""

from typing import Any

from frontdesk.conformance.rules.base import TRANSCRIPTION, Rules, items
from frontdesk.conformance.verdicts import Event, inner, several

NEVER_NULL = ("status", "role", "call_id", "name", "arguments")


class JavaScript(Rules):
    area = "javascript"

    def seen(self, event: Event) -> None:
        kind: str = event["type"]
        for item in items(event):
            self._item(item, event)
        if kind in ("response.created", "response.done"):
            self._response(event["response"], event)
        elif kind.startswith("response.content_part."):
            self._no_nulls(inner(event, "part"), event)
        elif kind == "rate_limits.updated":
            for limit in several(event, "rate_limits"):
                self._no_nulls(limit, event)
        elif kind == f"{TRANSCRIPTION}.failed":
            self._no_nulls(inner(event, "error"), event)
        elif kind == f"{TRANSCRIPTION}.completed":
            self._transcript(inner(event, "usage"), event)
        elif kind == "response.mcp_call_arguments.delta":
            text = isinstance(event.get("obfuscation"), str)
            self.must("e", text, "obfuscation is a string", event)

    def _item(self, item: dict[str, Any], event: Event) -> None:
        nulls = [key for key in NEVER_NULL if key in item and item[key] is None]
        self.must("c", not nulls, f"{', '.join(nulls)} left out rather than null", event)
        parts: list[dict[str, Any]] = item.get("content") or []
        for part in parts:
            if part.get("type") == "input_audio":
                self.must("a", "transcript" in part, "input_audio has the key transcript", event)
        if item.get("type") == "mcp_call":
            self.must("e", "output" in item, "mcp_call has the key output", event)
        if item.get("type") == "mcp_list_tools":
            tools: list[dict[str, Any]] = item.get("tools") or []
            told = all(isinstance(tool.get("description"), str) for tool in tools)
            self.must("e", told, "each tool has a description, a string", event)

    def _response(self, response: dict[str, Any], event: Event) -> None:
        if "voice" in (output := inner(response, "audio", "output")):
            voice = isinstance(output["voice"], str)
            self.must("b", voice, "response.audio.output.voice is a string", event)
        if usage := inner(response, "usage"):
            self._no_nulls(usage, event)

    def _transcript(self, usage: dict[str, Any], event: Event) -> None:
        if usage.get("type") == "tokens":
            details = inner(usage, "input_token_details")
            whole = {"text_tokens", "audio_tokens"} <= details.keys()
            self.must("d", whole, "input_token_details with text_tokens and audio_tokens", event)

    def _no_nulls(self, fields: dict[str, Any], event: Event) -> None:
        nulls = [key for key, value in fields.items() if value is None]
        self.must("c", not nulls, f"{', '.join(nulls)} left out rather than null", event)
