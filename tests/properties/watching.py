"""The strictest client: every event is checked against what the events before it promised."""

from typing import Any

import pybase64

from tests.properties.watching_mcp import McpWatcher


class Reply:
    """What a client knows of one response."""

    def __init__(self, response: dict[str, Any]) -> None:
        self.in_conversation = response["conversation_id"] is not None
        self.metadata = response["metadata"]
        self.done = False
        self.open: dict[int, str] = {}
        self.items: list[dict[str, Any]] = []
        self.part: dict[str, str] | None = None
        self.arguments: str | None = None
        self.used = 0
        """Tokens that the engine said were used."""
        self.sound = 0
        """Bytes of audio, PCM at 24 kHz."""


class Watcher:
    """Checks each event against what the events before it promised."""

    def __init__(self) -> None:
        self.event_ids: set[str] = set()
        self.call_ids: set[str] = set()
        self.chain: list[str] = []
        self.begun: set[str] = set()
        self.done: set[str] = set()
        self.gone: set[str] = set()
        self.heard: list[str] = []
        self.replies: dict[str, Reply] = {}
        self.speech: tuple[str, int] | None = None
        self.announced: str | None = None
        self.committed: str | None = None
        self.awaited: dict[str, str] = {}
        self.mcp = McpWatcher()
        self.opened = False

    def see(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        assert self.opened or kind == "session.created"
        self.opened = True
        assert event["event_id"] not in self.event_ids
        self.event_ids.add(event["event_id"])
        self.check_references(event, kind)
        self.mcp.see(kind, event)
        if kind.startswith(("response.mcp_call.", "mcp_list_tools.")):
            assert event["item_id"] in self.begun - self.done
        elif kind.startswith("response."):
            self.response(kind.removeprefix("response."), event)
        elif kind.startswith("conversation.item."):
            self.item(kind.removeprefix("conversation.item."), event)
        elif kind.startswith("input_audio_buffer."):
            self.input(kind.removeprefix("input_audio_buffer."), event)
        else:
            assert kind in {"session.created", "session.updated", "error"}

    def check_references(self, event: dict[str, Any], kind: str) -> None:
        if kind.startswith("input_audio_buffer.") or "item_id" not in event:
            return
        assert event["item_id"] in self.begun - self.gone

    # Conversation

    def item(self, kind: str, event: dict[str, Any]) -> None:
        match kind:
            case "added":
                item_id, previous = event["item"]["id"], event["previous_item_id"]
                assert item_id not in self.chain
                place = self.chain.index(previous) + 1 if previous is not None else 0
                self.chain.insert(place, item_id)
                self.done.discard(item_id)
                self.begun.add(item_id)
                self.gone.discard(item_id)
                if self.committed is not None:
                    assert item_id == self.committed
                    self.committed = None
            case "done":
                item_id = event["item"]["id"]
                assert item_id in self.chain
                assert item_id not in self.done
                if not event["item"]["type"].startswith("mcp_"):
                    assert event["item"]["status"] in {"completed", "incomplete"}
                place = self.chain.index(item_id)
                assert event["previous_item_id"] == (self.chain[place - 1] if place else None)
                self.done.add(item_id)
            case "deleted":
                self.chain.remove(event["item_id"])
                self.gone.add(event["item_id"])
                self.awaited.pop(event["item_id"], None)
            case "retrieved":
                assert event["item"]["id"] in self.chain
            case "truncated":
                assert event["item_id"] in self.chain
            case "input_audio_transcription.delta":
                self.awaited[event["item_id"]] += event["delta"]
            case "input_audio_transcription.completed":
                deltas = self.awaited.pop(event["item_id"])
                assert deltas == event["transcript"]
                assert event["usage"]["type"] == "duration"
            case _:
                assert kind == "input_audio_transcription.failed"
                del self.awaited[event["item_id"]]

    # Input audio

    def input(self, kind: str, event: dict[str, Any]) -> None:
        match kind:
            case "speech_started":
                assert self.speech is None
                assert event["item_id"] not in self.begun
                assert self.announced in (None, event["item_id"])
                self.announced = event["item_id"]
                self.speech = (event["item_id"], event["audio_start_ms"])
            case "speech_stopped":
                assert self.speech is not None
                item_id, start = self.speech
                assert event["item_id"] == item_id
                assert event["audio_end_ms"] > start
                self.speech = None
            case "committed":
                assert self.speech is None
                assert self.announced in (None, event["item_id"])
                assert event["previous_item_id"] == (self.chain[-1] if self.chain else None)
                self.committed, self.announced = event["item_id"], None
                self.heard.append(event["item_id"])
            case "timeout_triggered":
                assert self.speech is None
                assert self.announced in (None, event["item_id"])
                self.announced = event["item_id"]
            case _:
                assert kind == "cleared"
                assert self.speech is None
                self.announced = None

    # Responses

    def response(self, kind: str, event: dict[str, Any]) -> None:
        if kind == "created":
            response = event["response"]
            reply = Reply(response)
            assert response["id"] not in self.replies
            assert response["status"] == "in_progress"
            if reply.in_conversation:
                assert not [r for r in self.replies.values() if r.in_conversation and not r.done]
            self.replies[response["id"]] = reply
            return
        response_id = event["response"]["id"] if kind == "done" else event["response_id"]
        reply = self.replies[response_id]
        assert not reply.done
        if kind == "done":
            self.response_done(reply, event["response"])
        elif kind.startswith("output_item."):
            self.output_item(reply, kind, event)
        else:
            index = event["output_index"]
            assert reply.open[index] == event["item_id"]
            self.part(reply, kind, event)

    def response_done(self, reply: Reply, response: dict[str, Any]) -> None:
        reply.done = True
        assert not reply.open and reply.part is None
        assert response["status"] in {"completed", "cancelled", "incomplete", "failed"}
        assert response["output"] == reply.items
        assert response["metadata"] == reply.metadata
        spoken = -(-reply.sound // (48 * 50))
        assert response["usage"]["output_token_details"]["audio_tokens"] == spoken
        assert response["usage"]["total_tokens"] == reply.used + spoken
        if response["status"] != "completed":
            assert response["status_details"]["type"] == response["status"]

    def output_item(self, reply: Reply, kind: str, event: dict[str, Any]) -> None:
        item, index = event["item"], event["output_index"]
        if kind == "output_item.added":
            assert not reply.open and index == len(reply.items)
            assert item["type"] == "mcp_call" or item["status"] == "in_progress"
            assert item["id"] not in self.begun
            if not reply.in_conversation:
                self.begun.add(item["id"])
            reply.open[index] = item["id"]
            if item["type"] == "function_call":
                assert item["call_id"] not in self.call_ids
                self.call_ids.add(item["call_id"])
                reply.arguments = ""
            if item["type"] == "mcp_call":
                assert reply.in_conversation
                reply.arguments = ""
            return
        assert reply.open.pop(index) == item["id"]
        assert reply.part is None
        if item["type"] == "mcp_call":
            assert item["id"] not in self.done
            assert item["arguments"] == reply.arguments != ""
            reply.items.append(item)
            return
        assert item["id"] in self.done or not reply.in_conversation
        if item["type"] == "function_call":
            assert item["status"] == "completed"
            assert item["arguments"] == reply.arguments
        reply.items.append(item)

    def part(self, reply: Reply, kind: str, event: dict[str, Any]) -> None:
        match kind:
            case "content_part.added":
                assert reply.part is None
                reply.part = {"type": event["part"]["type"], "words": "", "closed": ""}
            case "content_part.done":
                assert reply.part is not None
                key = "text" if reply.part["type"] == "text" else "transcript"
                assert event["part"] == {"type": reply.part["type"], key: reply.part["words"]}
                assert reply.part["closed"] == ("text" if key == "text" else "audio transcript")
                reply.part = None
            case "output_text.delta" | "output_audio_transcript.delta":
                assert reply.part is not None and not reply.part["closed"]
                assert (reply.part["type"] == "text") == (kind == "output_text.delta")
                reply.part["words"] += event["delta"]
            case "output_audio.delta":
                assert reply.part is not None and not reply.part["closed"]
                assert reply.part["type"] == "audio"
                reply.sound += len(pybase64.b64decode(event["delta"]))
            case "output_text.done":
                assert reply.part is not None and event["text"] == reply.part["words"]
                reply.part["closed"] = "text"
            case "output_audio.done":
                assert reply.part is not None
                reply.part["closed"] = "audio"
            case "output_audio_transcript.done":
                assert reply.part is not None and event["transcript"] == reply.part["words"]
                reply.part["closed"] += " transcript"
            case "function_call_arguments.delta" | "mcp_call_arguments.delta":
                assert reply.arguments is not None
                reply.arguments += event["delta"]
            case _:
                assert kind in {"function_call_arguments.done", "mcp_call_arguments.done"}
                assert event["arguments"] == reply.arguments
