"""Items and the chain they form: rules 5, 7 and 14."""

from collections.abc import Iterator
from typing import Any

from frontdesk.conformance.rules.base import TRANSCRIPTION, Rules
from frontdesk.conformance.verdicts import Event, Ledger, inner

ANNOUNCING = ("input_audio_buffer.", f"{TRANSCRIPTION}.delta", f"{TRANSCRIPTION}.segment")
"""Events that may name an item before it is added."""
WITH_STATUS = ("message", "function_call", "function_call_output")


class Conversation(Rules):
    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._chain: list[str] = []
        self._known: set[str] = set()
        self._kinds: dict[str, str] = {}
        self._added_after: dict[str, str | None] = {}
        self._done: set[str] = set()
        self._at_root: set[str] = set()
        self._retrieving: dict[str, str] = {}
        self._deleting: set[str] = set()

    def sent(self, event: Event) -> None:
        match event.get("type"):
            case "conversation.item.create":
                if event.get("previous_item_id") == "root":
                    self._at_root.add(inner(event, "item").get("id", ""))
            case "conversation.item.retrieve":
                # Its answer follows those to all that was sent before: judged by what is known now.
                if event.get("item_id") in set(self._chain) - self._deleting:
                    self._retrieving[event.get("event_id", "")] = event["item_id"]
            case "conversation.item.delete":
                self._deleting.add(str(event.get("item_id")))
            case _:
                pass

    def seen(self, event: Event) -> None:
        kind: str = event["type"]
        named = event.get("item_id")
        if named is not None and not kind.startswith(ANNOUNCING):
            self.must("5", named in self._known, "an item is added before it is named", event)
        match kind:
            case "response.output_item.added":
                self._known.add(event["item"]["id"])
            case "conversation.item.added":
                self._add(event, event["item"])
            case "conversation.item.done":
                self._finish(event, event["item"])
            case "conversation.item.deleted":
                self._delete(event)
            case "conversation.item.retrieved":
                self._known_item(event, event["item"]["id"])
            case "input_audio_buffer.committed":
                last = self._chain[-1] if self._chain else None
                follows = event.get("previous_item_id") == last
                self.must("7", follows, f"previous_item_id is the last item, {last}", event)
            case "error":
                failed = inner(event, "error").get("event_id")
                wanted = self._retrieving.get(failed or "")
                expected = f"{wanted} was added and not deleted: it can be retrieved"
                self.must("14", wanted is None, expected, event)
            case _:
                pass

    def _add(self, event: Event, item: dict[str, Any]) -> None:
        item_id = item["id"]
        previous = event.get("previous_item_id")
        self.must("5", item_id not in self._chain, "an item is added once", event)
        self._known.add(item_id)
        self._kinds[item_id] = item.get("type", "")
        self._done.discard(item_id)
        if previous is None:
            first = not self._chain or item_id in self._at_root
            expected = f"previous_item_id names an item ({self._chain[-3:]}): null means the first"
            self.must("7", first, expected, event)
            place = 0
        else:
            known = previous in self._chain
            self.must("7", known, "previous_item_id names an item that was added", event)
            place = self._chain.index(previous) + 1 if known else len(self._chain)
        if item_id not in self._chain:
            self._chain.insert(place, item_id)
            self._added_after[item_id] = previous

    def _finish(self, event: Event, item: dict[str, Any]) -> None:
        item_id = item["id"]
        self.must("5", item_id in self._chain, "conversation.item.added before its done", event)
        self.must("5", item_id not in self._done, "one conversation.item.done an item", event)
        self._done.add(item_id)
        if item.get("type") in WITH_STATUS:
            ended = item.get("status") in ("completed", "incomplete")
            self.must("5", ended, "item.status is completed or incomplete", event)
        if "previous_item_id" in event and item_id in self._chain:
            place = self._chain.index(item_id)
            before = self._chain[place - 1] if place else None
            right = event["previous_item_id"] in (before, self._added_after[item_id])
            self.must("7", right, f"previous_item_id is {before}, as the chain is", event)

    def _delete(self, event: Event) -> None:
        item_id = event["item_id"]
        if self.must("5", item_id in self._chain, "an item is deleted once", event):
            self._chain.remove(item_id)
            self._known.discard(item_id)
            self._done.add(item_id)

    def _known_item(self, event: Event, item_id: str) -> None:
        self.must("14", item_id in self._known, "only items that exist are retrieved", event)

    def promises(self) -> Iterator[tuple[str, str]]:
        for item_id in self._chain:
            # A call to an MCP server that waits for its approval is done when it was approved.
            if item_id not in self._done and self._kinds[item_id] != "mcp_call":
                yield "5", f"conversation.item.done for {item_id}"
