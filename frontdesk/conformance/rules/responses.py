"""Brackets, parts, deltas and their sums: rules 3, 4, 5, 6, 10 and 12."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from frontdesk.conformance.rules.base import Rules, words
from frontdesk.conformance.verdicts import Event, Ledger, inner

ARGUMENTS = ("response.function_call_arguments.", "response.mcp_call_arguments.")
WORDS = ("response.output_text.", "response.output_audio_transcript.")
AFTER_DONE = ("output_audio_buffer.", "response.mcp_call.", "rate_limits.")
ENDS = ("completed", "cancelled", "incomplete", "failed")


@dataclass(slots=True)
class Response:
    in_conversation: bool
    status: str = ""
    open_items: dict[int, str] = field(default_factory=dict[int, str])
    items: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


class Responses(Rules):
    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._responses: dict[str, Response] = {}
        self._call_ids: set[str] = set()
        self._words: dict[tuple[str, int], str] = {}
        self._closed: set[tuple[str, int]] = set()
        self._parts: set[tuple[str, int]] = set()
        self._kinds: dict[str, str] = {}

    def seen(self, event: Event) -> None:
        kind: str = event["type"]
        if kind == "response.created":
            self._created(event)
        elif kind == "response.done":
            self._done(event)
        elif kind == "conversation.item.done":
            self._same_words(event, event["item"])
        elif kind == "conversation.item.truncated":
            # From here on the item says only what was heard.
            self._words.pop((event["item_id"], event["content_index"]), None)
        elif "response_id" in event and not kind.startswith(AFTER_DONE):
            self._within(kind, event)

    def _created(self, event: Event) -> None:
        response = event["response"]
        response_id = response.get("id")
        self.must("3", response_id not in self._responses, "a new response id", event)
        begun = response.get("status") == "in_progress" and not response.get("output")
        self.must("3", begun, "status in_progress and no output yet", event)
        new = Response(response.get("conversation_id") is not None)
        if new.in_conversation:
            active = [k for k, r in self._responses.items() if r.in_conversation and not r.status]
            self.must("4", not active, f"response.done of {active} before another", event)
        self._responses[response_id] = new

    def _done(self, event: Event) -> None:
        told = event["response"]
        response = self._responses.get(told.get("id"))
        if not self.must("3", response is not None, "response.created before it", event):
            return
        assert response is not None
        if not self.must("3", not response.status, "exactly one response.done", event):
            return
        response.status = str(told.get("status"))
        self.must("3", response.status in ENDS, f"status is one of {', '.join(ENDS)}", event)
        open_items = list(response.open_items.values())
        self.must("5", not open_items, f"response.output_item.done for {open_items}", event)
        ids = [item.get("id") for item in response.items]
        output: list[dict[str, Any]] = told.get("output") or []
        same = [item.get("id") for item in output] == ids
        self.must("6", same, f"output holds the items done, in order: {ids}", event)
        for item in output:
            self._same_words(event, item)
        if response.status == "cancelled":
            self.must("12", True, "", event)  # until something more of it comes
        if response.status != "completed":
            details = inner(told, "status_details")
            typed = details.get("type") == response.status
            self.must("3", typed, f"status_details.type is {response.status}", event)

    def _within(self, kind: str, event: Event) -> None:
        response = self._responses.get(event["response_id"])
        if not self.must("3", response is not None, "response.created before it", event):
            return
        assert response is not None
        if response.status == "cancelled" and kind.endswith(".delta"):
            self.must("12", False, "no delta after the response was cancelled", event)
        self.must("3", not response.status, "nothing after its response.done", event)
        if kind == "response.output_item.added":
            self._open(response, event)
        elif kind == "response.output_item.done":
            self._close(response, event)
        else:
            index, item_id = event["output_index"], event["item_id"]
            expected = f"between response.output_item.added and .done of {item_id}"
            self.must("5", response.open_items.get(index) == item_id, expected, event)
            self._inside(kind, event, (item_id, event.get("content_index", 0)))

    def _open(self, response: Response, event: Event) -> None:
        index, item = event["output_index"], event["item"]
        free = index not in response.open_items and index == len(response.items) + len(
            response.open_items
        )
        self.must("5", free, "output_index counts from 0", event)
        response.open_items[index] = item["id"]
        self._kinds[item["id"]] = item.get("type", "")
        if item.get("type") == "function_call":
            call_id = item.get("call_id")
            self.must("10", call_id not in self._call_ids, "a new call_id", event)
            self._call_ids.add(str(call_id))

    def _close(self, response: Response, event: Event) -> None:
        index, item = event["output_index"], event["item"]
        opened = response.open_items.pop(index, None)
        self.must("5", opened == item["id"], "response.output_item.added before it", event)
        left = [key for key in self._parts if key[0] == item["id"]]
        self.must("5", not left, "response.content_part.done before it", event)
        if item.get("type") == "function_call":
            status = item.get("status")
            self.must("5", status == "completed", "the call's status is completed", event)
        self._same_words(event, item)
        response.items.append(item)

    def _inside(self, kind: str, event: Event, key: tuple[str, int]) -> None:
        if kind == "response.content_part.added":
            self.must("5", key not in self._parts, "one content_part.added a part", event)
            self._parts.add(key)
            self._words.setdefault(key, "")
        elif kind == "response.content_part.done":
            self.must("5", key in self._parts, "response.content_part.added before it", event)
            self._parts.discard(key)
            part = inner(event, "part")
            self._sum(event, key, part.get("text") or part.get("transcript") or "")
        elif kind.endswith(".delta"):
            if not kind.startswith(ARGUMENTS):
                self.must("5", key in self._parts, "response.content_part.added before it", event)
            if kind.startswith((*WORDS, *ARGUMENTS)):
                self.must("6", key not in self._closed, "no delta after its .done", event)
                self._words[key] = self._words.get(key, "") + str(event.get("delta"))
        elif kind.startswith((*WORDS, *ARGUMENTS)):
            self._closed.add(key)
            told = (event.get(name) for name in ("text", "transcript", "arguments"))
            self._sum(event, key, next((value for value in told if value is not None), None))

    def _sum(self, event: Event, key: tuple[str, int], told: str | None) -> None:
        said = self._words.get(key)
        if said is not None:
            self.must("6", told == said, f"the joined deltas: {said!r}", event)

    def _same_words(self, event: Event, item: dict[str, Any]) -> None:
        """What an item says in the end is what its deltas said."""
        for index, told in enumerate(words(item)):
            if (item.get("id", ""), index) in self._words:
                self._sum(event, (item["id"], index), told)

    def promises(self) -> Iterator[tuple[str, str]]:
        for response_id, response in self._responses.items():
            if not response.status:
                yield "3", f"response.done for {response_id}"
