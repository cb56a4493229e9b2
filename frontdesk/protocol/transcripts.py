"""Transcripts of the caller's audio: told when configured, kept always."""

from dataclasses import dataclass
from typing import Any

from frontdesk.protocol.conversation import Conversation
from frontdesk.protocol.engine import TranscriptCompleted, TranscriptDelta, TranscriptFailed
from frontdesk.protocol.items import audio_index, with_transcript
from frontdesk.protocol.outbox import Outbox

EVENT = "conversation.item.input_audio_transcription"


@dataclass(slots=True)
class Pending:
    """An item whose final transcript has not come. ``told``: the client configured it."""

    told: bool
    sent: str = ""


class Transcripts:
    def __init__(self, conversation: Conversation, outbox: Outbox) -> None:
        self._pending: dict[str, Pending] = {}
        self._conversation = conversation
        self._outbox = outbox

    def expect(self, item_id: str, told: bool) -> None:
        """Audio is committed (or begins, when only transcribing): one transcript or failure
        will follow."""
        self._pending.setdefault(item_id, Pending(told))

    def forget(self, item_id: str) -> None:
        """The item is gone; so are its words."""
        self._pending.pop(item_id, None)

    def delta(self, event: TranscriptDelta, logprobs: bool) -> None:
        pending = self._pending.get(event.item_id)
        if pending is None or not event.delta:
            return
        if pending.told:
            self._send_delta(event.item_id, pending, event.delta, event.logprobs, logprobs)

    def complete(self, event: TranscriptCompleted, logprobs: bool) -> None:
        """Keep the transcript and tell it; deltas are made up to it as far as they began it."""
        pending = self._pending.pop(event.item_id, None)
        item = self._conversation.get(event.item_id)
        index = audio_index(item, "input_audio") if item else None
        if item is None or index is None:
            return
        if pending is None and item["content"][index].get("transcript") is not None:
            return
        if pending is not None and pending.told:
            self._tell(event, index, pending, logprobs)
        self._conversation.change(with_transcript(item, index, event.transcript))

    def fail(self, event: TranscriptFailed) -> None:
        pending = self._pending.pop(event.item_id, None)
        if pending is None or not pending.told:
            return
        error = {"type": "server_error", "code": event.code, "message": event.message}
        self._outbox.send(
            f"{EVENT}.failed", {"item_id": event.item_id, "content_index": 0, "error": error}
        )

    def _tell(
        self, event: TranscriptCompleted, index: int, pending: Pending, logprobs: bool
    ) -> None:
        rest = event.transcript.removeprefix(pending.sent)
        if rest and event.transcript.startswith(pending.sent):
            self._send_delta(event.item_id, pending, rest, None, logprobs)
        fields: dict[str, Any] = {
            "item_id": event.item_id,
            "content_index": index,
            "transcript": event.transcript,
            "usage": event.usage or {"type": "duration", "seconds": event.seconds},
        }
        if logprobs and event.logprobs is not None:
            fields["logprobs"] = event.logprobs
        self._outbox.send(f"{EVENT}.completed", fields)

    def _send_delta(
        self,
        item_id: str,
        pending: Pending,
        delta: str,
        given: list[dict[str, Any]] | None,
        logprobs: bool,
    ) -> None:
        pending.sent += delta
        fields: dict[str, Any] = {"item_id": item_id, "content_index": 0, "delta": delta}
        if logprobs and given is not None:
            fields["logprobs"] = given
        self._outbox.send(f"{EVENT}.delta", fields)
