"""The default conversation: a linked list of items, told to the client as it changes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from frontdesk.protocol.commands import Item, ItemAdded, ItemChanged, ItemDeleted
from frontdesk.protocol.errors import ProtocolError, invalid_value
from frontdesk.protocol.images import shown
from frontdesk.protocol.items import audio_index, with_transcript, without_audio
from frontdesk.protocol.outbox import Outbox

ROOT = "root"


class Draft(Protocol):
    """An item that a response is still writing."""

    @property
    def milliseconds(self) -> float: ...

    def item(self) -> Item: ...


@dataclass(slots=True)
class Entry:
    item: Item
    previous: str | None = None
    next: str | None = None
    draft: Draft | None = None
    pending: bool = False
    """Its ``done`` waits for work outside of any response (MCP lists and calls)."""
    audio_ms: float | None = 0.0
    """Audio sent of this item; None when it was sent in an earlier connection."""
    cut_ms: int | None = None
    cut: str | None = None

    def current(self) -> Item:
        """The item as it stands, also while it is being written."""
        return self.draft.item() if self.draft else self.item

    def sent_ms(self) -> float | None:
        return self.draft.milliseconds if self.draft else self.audio_ms


class Conversation:
    def __init__(self, outbox: Outbox) -> None:
        self.id = outbox.ids("conv")
        self._outbox = outbox
        self._entries: dict[str, Entry] = {}
        self._first: str | None = None
        self._last: str | None = None

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._entries

    def __iter__(self) -> Iterator[Item]:
        at = self._first
        while at is not None:
            entry = self._entries[at]
            yield entry.current()
            at = entry.next

    @property
    def last(self) -> str | None:
        return self._last

    def get(self, item_id: str) -> Item | None:
        entry = self._entries.get(item_id)
        return entry.current() if entry else None

    def entry(self, item_id: str, verb: str) -> Entry:
        """The entry a client named. Raises :class:`ProtocolError` when there is none."""
        if entry := self._entries.get(item_id):
            return entry
        raise ProtocolError(
            f"item_{verb}_invalid_item_id",
            f"Error {verb.removesuffix('e')}ing item: no item with id '{item_id}'.",
            "item_id",
        )

    def place(self, previous_item_id: str | None) -> str | None:
        """The item to insert after, from what a client asked. Raises :class:`ProtocolError`."""
        if previous_item_id is None:
            return self._last
        if previous_item_id == ROOT:
            return None
        if previous_item_id not in self._entries:
            raise invalid_value("previous_item_id", f"no item with id '{previous_item_id}'.")
        return previous_item_id

    def add(
        self,
        item: Item,
        after: str | None,
        draft: Draft | None = None,
        *,
        pending: bool = False,
        response_id: str | None = None,
    ) -> None:
        """Insert an item and announce it."""
        kept = without_audio(item)
        self._link(Entry(kept, draft=draft, pending=pending), after)
        fields = {"previous_item_id": after, "item": shown(kept)}
        self._outbox.send("conversation.item.added", fields)
        self._outbox.put(ItemAdded(item, after, response_id))

    def add_done(self, item: Item, after: str | None) -> None:
        """Insert an item that is complete from the start."""
        self.add(item, after)
        self._send_done(self._entries[item["id"]])

    def finish(self, item: Item, milliseconds: float | None) -> None:
        """An item that was being made is complete (or cut short)."""
        entry = self._entries[item["id"]]
        entry.item, entry.draft, entry.audio_ms = item, None, milliseconds
        entry.pending = False
        self._send_done(entry)
        if entry.cut is not None:
            entry.item = _cut(item, entry.cut)
        self._outbox.put(ItemChanged(entry.item))

    def change(self, item: Item) -> None:
        """Replace a stored item; the client is not told."""
        self._entries[item["id"]].item = item
        self._outbox.put(ItemChanged(item))

    def delete(self, item_id: str) -> None:
        """Raises :class:`ProtocolError` when there is no such item, or it is being written."""
        entry = self.entry(item_id, "delete")
        if entry.draft or entry.pending:
            raise ProtocolError(
                "item_delete_invalid_item_id",
                f"Item '{item_id}' is still in progress: let it end, or cancel its response.",
                "item_id",
            )
        self._unlink(item_id, entry)
        self._outbox.send("conversation.item.deleted", {"item_id": item_id})
        self._outbox.put(ItemDeleted(item_id))

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> int:
        """Cut an assistant item's audio; returns the milliseconds that remain.

        Raises :class:`ProtocolError` when there is no such audio or it is shorter.
        """
        entry = self.entry(item_id, "truncate")
        index = audio_index(entry.current(), "output_audio")
        if index is None:
            raise ProtocolError(
                "item_truncate_invalid_item_id",
                f"Item '{item_id}' has no assistant audio to truncate.",
                "item_id",
            )
        if content_index != index:
            raise invalid_value("content_index", f"the audio of '{item_id}' is part {index}.")
        sent = entry.sent_ms()
        if sent is not None and audio_end_ms > -(-sent // 1):
            raise invalid_value(
                "audio_end_ms", f"{audio_end_ms} ms is beyond the audio of {sent:.0f} ms."
            )
        entry.cut_ms = audio_end_ms if entry.cut_ms is None else min(entry.cut_ms, audio_end_ms)
        return entry.cut_ms

    def cut(self, item_id: str, transcript: str) -> None:
        """Keep only the words heard of a truncated item."""
        entry = self._entries.get(item_id)
        if entry is None or audio_index(entry.current(), "output_audio") is None:
            return
        entry.cut = transcript
        if entry.draft is None:
            self.change(_cut(entry.item, transcript))

    def restore(self, items: Iterable[Item]) -> None:
        """Take over stored items in order. What was being written is now ``incomplete``."""
        for stored in items:
            self._link(Entry(stored, audio_ms=None), self._last)
            if stored.get("status") == "in_progress":
                self.change({**stored, "status": "incomplete"})

    def retell(self) -> None:
        """Announce all items once more, in order."""
        at = self._first
        while at is not None:
            entry = self._entries[at]
            fields = {"previous_item_id": entry.previous, "item": shown(entry.current())}
            self._outbox.send("conversation.item.added", fields)
            if not (entry.draft or entry.pending):
                self._outbox.send("conversation.item.done", fields)
            at = entry.next

    def reopen(self, item_id: str) -> None:
        """A restored item is not done after all: it still waits for something."""
        self._entries[item_id].pending = True

    def _send_done(self, entry: Entry) -> None:
        fields = {"previous_item_id": entry.previous, "item": shown(entry.item)}
        self._outbox.send("conversation.item.done", fields)

    def _link(self, entry: Entry, after: str | None) -> None:
        item_id = entry.item["id"]
        follower = self._first if after is None else self._entries[after].next
        entry.previous, entry.next = after, follower
        self._entries[item_id] = entry
        self._join(after, item_id)
        self._join(item_id, follower)

    def _unlink(self, item_id: str, entry: Entry) -> None:
        del self._entries[item_id]
        self._join(entry.previous, entry.next)

    def _join(self, left: str | None, right: str | None) -> None:
        if left is None:
            self._first = right
        else:
            self._entries[left].next = right
        if right is None:
            self._last = left
        else:
            self._entries[right].previous = left


def _cut(item: Item, transcript: str) -> Item:
    """The item with the words that were heard. If that is not all of them, it is not complete."""
    index = audio_index(item, "output_audio")
    if index is None:
        return item
    whole = item["content"][index]["transcript"].strip() == transcript.strip()
    kept = item if whole else {**item, "status": "incomplete"}
    return with_transcript(kept, index, transcript)
