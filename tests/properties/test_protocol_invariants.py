"""Whatever a client, an engine and the clock do, and in whatever order: the wire stays whole.

A watcher reads every event as the strictest client would, and every command as the keeper of
the call's log would. Random talks must never surprise either.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pybase64
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from frontdesk.protocol import RealtimeProtocol
from frontdesk.protocol.commands import (
    AudioCommitted,
    Command,
    DropMcpServer,
    ItemAdded,
    ItemChanged,
    ItemDeleted,
    ListMcpTools,
    ResponseCancelled,
    ResponseRequested,
    RunMcpTool,
    Send,
)
from frontdesk.protocol.engine import (
    EngineEvent,
    ItemCut,
    McpCallEnded,
    McpToolsFailed,
    McpToolsListed,
    ResponseAudio,
    ResponseEnded,
    ResponseFunctionCall,
    ResponseMcpCall,
    ResponseText,
    SpeechStarted,
    SpeechStopped,
    TranscriptCompleted,
    TranscriptDelta,
    TranscriptFailed,
)
from tests.frames import checked

TRANSCRIPTION = "conversation.item.input_audio_transcription"


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
        assert response["usage"]["total_tokens"] >= 0
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


class McpWatcher:
    """What the strictest client knows of its MCP servers: lists and calls, each told once."""

    def __init__(self) -> None:
        self.lists: dict[str, str] = {}
        self.calls: dict[str, str] = {}
        self.responses: dict[str, str] = {}
        self.requests: dict[str, str | None] = {}
        self.ended: set[str] = set()
        self.asked: dict[str, dict[str, Any]] = {}
        """Approval requests that nobody has answered, by id."""
        self.declared = False

    def see(self, kind: str, event: dict[str, Any]) -> None:
        item = event.get("item", {})
        is_mcp = "mcp" in kind or item.get("type", "").startswith("mcp_")
        assert self.declared or not is_mcp
        match kind, item.get("type"):
            case "conversation.item.added", "mcp_list_tools":
                assert item["tools"] == []
                self.lists[item["id"]] = "added"
            case "conversation.item.added", "mcp_call":
                self.calls[item["id"]] = "added"
            case "response.output_item.done", "mcp_call":
                self.responses[item["id"]] = event["response_id"]
                self.requests[item["id"]] = item["approval_request_id"]
            case "conversation.item.done", "mcp_approval_request":
                self.asked[item["id"]] = item
            case "conversation.item.done", "mcp_approval_response":
                assert self.asked.pop(item["approval_request_id"])
            case "conversation.item.deleted", _:
                self.asked.pop(event["item_id"], None)
            case "conversation.item.done", "mcp_list_tools":
                assert self.lists[item["id"]] == ("failed" if "error" in item else "completed")
                assert all(isinstance(tool["description"], str) for tool in item["tools"])
                self.lists[item["id"]] = "done"
            case "conversation.item.done", "mcp_call":
                self.call_done(item)
            case "response.done", _:
                self.ended.add(event["response"]["id"])
            case _ if kind.startswith("mcp_list_tools."):
                self.step(self.lists, kind, event["item_id"])
            case _ if kind.startswith("response.mcp_call."):
                assert self.responses[event["item_id"]] in self.ended
                assert self.requests.get(event["item_id"]) not in self.asked
                self.step(self.calls, kind, event["item_id"])
            case _:
                pass

    def unfinished(self) -> set[str]:
        """Lists and calls that are not over; they outlive responses."""
        known = [*self.lists.items(), *self.calls.items()]
        return {item_id for item_id, state in known if state != "done"}

    def step(self, known: dict[str, str], kind: str, item_id: str) -> None:
        before, after = known[item_id], kind.rpartition(".")[2]
        allowed = {"in_progress": {"added"}, "completed": {"in_progress"}}
        # A call that is not to be made fails without having run.
        failing = {"in_progress"} if known is self.lists else {"in_progress", "added"}
        assert before in allowed.get(after, failing), (kind, before)
        known[item_id] = after

    def call_done(self, item: dict[str, Any]) -> None:
        assert self.calls[item["id"]] == ("completed" if item["error"] is None else "failed")
        assert (item["output"] is None) == (item["error"] is not None)
        assert item["approval_request_id"] not in self.asked
        self.calls[item["id"]] = "done"


class Keeper:
    """Builds the conversation from the commands, as the call's log does."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.order: list[str] = []
        self.running: set[str] = set()
        self.asked: set[str] = set()
        self.listing: set[str] = set()
        self.tools_run: set[str] = set()
        self.all_tools_run: set[str] = set()

    def ordered(self) -> Iterator[dict[str, Any]]:
        return (self.items[item_id] for item_id in self.order)

    def keep(self, command: Command, watcher: Watcher) -> None:
        match command:
            case ItemAdded(item, previous):
                place = self.order.index(previous) + 1 if previous is not None else 0
                self.order.insert(place, item["id"])
                self.items[item["id"]] = item
            case ItemChanged(item):
                assert item["id"] in self.items
                self.items[item["id"]] = item
            case ItemDeleted(item_id):
                self.order.remove(item_id)
                del self.items[item_id]
            case AudioCommitted(item_id, transcribe):
                assert item_id in self.items
                if transcribe:
                    watcher.awaited[item_id] = ""
            case ResponseRequested():
                assert command.response_id not in self.asked
                assert not watcher.replies[command.response_id].done
                self.asked.add(command.response_id)
                self.running.add(command.response_id)
            case ListMcpTools(item_id):
                assert self.items[item_id]["type"] == "mcp_list_tools"
                self.listing.add(item_id)
            case DropMcpServer(item_id):
                self.listing.discard(item_id)
            case RunMcpTool(item_id):
                call = self.items[item_id]
                assert call["output"] is call["error"] is None
                assert item_id not in self.all_tools_run
                request = call["approval_request_id"]
                assert command.approved == (request is not None)
                assert request not in watcher.mcp.asked
                assert isinstance(json.loads(command.arguments), dict)
                self.tools_run.add(item_id)
                self.all_tools_run.add(item_id)
            case ResponseCancelled(response_id):
                assert watcher.replies[response_id].done
                self.running.remove(response_id)
            case _:
                pass


WORDS = st.text(min_size=1, max_size=5)
ITEM_IDS = st.sampled_from(["a", "b", "c", "root", "nowhere"])
DETECTIONS = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {"type": st.just("server_vad")},
        optional={
            "create_response": st.booleans(),
            "interrupt_response": st.booleans(),
            "idle_timeout_ms": st.sampled_from([None, 5000]),
        },
    ),
    st.just({"type": "semantic_vad"}),
)
SESSIONS = st.fixed_dictionaries(
    {},
    optional={
        "output_modalities": st.sampled_from([["text"], ["audio"], ["smell"]]),
        "instructions": st.text(max_size=3),
        "audio": st.fixed_dictionaries(
            {},
            optional={
                "input": st.fixed_dictionaries(
                    {},
                    optional={
                        "turn_detection": DETECTIONS,
                        "transcription": st.sampled_from([None, {"model": "m"}]),
                        "format": st.sampled_from([{"type": "audio/pcm"}, {"type": "audio/pcmu"}]),
                    },
                ),
                "output": st.fixed_dictionaries({"speed": st.sampled_from([1.0, 99])}),
            },
        ),
        "nonsense": st.none(),
    },
)


def server(label: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "type": st.just("mcp"),
            "server_label": st.just(label),
            "server_url": st.sampled_from(["http://a.example/", "http://b.example/"]),
            "require_approval": st.sampled_from(
                ["always", "never", {"never": {"tool_names": ["find"]}}, {"always": {}}]
            ),
        },
        optional={"allowed_tools": st.just(["find"])},
    )


SOME_SERVERS = st.one_of(st.tuples(server("one")), st.tuples(server("one"), server("two"))).map(
    list
)
SERVERS = st.just([]) | SOME_SERVERS
TOOLS = [
    {"name": "find", "description": "", "input_schema": {"type": "object"}},
    {"name": "buy", "description": "Buys.", "input_schema": {"type": "object"}},
]
NONSENSE = st.one_of(
    st.binary(max_size=20),
    st.text(max_size=20),
    st.dictionaries(st.sampled_from(["type", "item", "x"]), st.text(max_size=3)).map(json.dumps),
    st.recursive(st.none() | st.integers(), st.lists, max_leaves=5).map(json.dumps),
)


class Talks(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.now = 1000.0
        self.watcher = Watcher()
        self.keeper = Keeper()
        audio = {"input": {"transcription": {"model": "m"}}}
        self.core = RealtimeProtocol("sess", "team", ids=self.new_id, defaults={"audio": audio})
        self.promised: set[str] = set()
        self.received_ms = 0.0
        self.calls = 0

    def new_id(self, prefix: str) -> str:
        self.counts[prefix] += 1
        return f"{prefix}_{self.counts[prefix]}"

    def take(self, commands: list[Command]) -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = []
        for command in commands:
            if isinstance(command, Send):
                event = checked(command.frame)
                self.watcher.see(event)
                said.append(event)
            else:
                self.keeper.keep(command, self.watcher)
        self.check_state()
        return said

    def check_state(self) -> None:
        items = self.core.items
        assert [item["id"] for item in items] == self.watcher.chain == self.keeper.order
        for item in items:
            if item.get("status") != "in_progress":
                assert item == self.keeper.items[item["id"]]
        open_items = set(self.watcher.chain) - self.watcher.done - self.watcher.mcp.unfinished()
        assert not open_items or self.core.active_response

    def send(self, type: str, **fields: Any) -> list[dict[str, Any]]:
        """Send a client event; if it failed, then by exactly one error that names it."""
        event_id = self.new_id("client")
        event = {"type": type, "event_id": event_id, **fields}
        said = self.take(self.core.receive(json.dumps(event), self.now))
        errors = [event["error"] for event in said if event["type"] == "error"]
        if errors:
            assert len(said) == 1
            assert errors[0]["event_id"] == event_id
        return said

    def one(self, type: str, answer: str, **fields: Any) -> None:
        """Send a client event that has exactly one answer: ``answer`` or an error."""
        said = [event["type"] for event in self.send(type, **fields)]
        assert said.count(answer) + said.count("error") == 1

    def feed(self, event: EngineEvent) -> list[dict[str, Any]]:
        return self.take(self.core.feed(event, self.now))

    def some_response(self, data: st.DataObject) -> str:
        known = [*self.watcher.replies, "resp_unknown"]
        running = [key for key, reply in self.watcher.replies.items() if not reply.done]
        return data.draw(st.sampled_from(running * 4 + known))

    def some_item(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from([*self.watcher.chain, "nowhere"]))

    @initialize()
    def open(self) -> None:
        self.take(self.core.open(self.now))

    # The client

    @rule(patch=SESSIONS)
    def update_session(self, patch: dict[str, Any]) -> None:
        before = self.core.session
        session = {"type": "realtime", **patch}
        self.one("session.update", "session.updated", session=session)
        wrong = (
            "nonsense" in patch
            or patch.get("output_modalities") == ["smell"]
            or patch.get("audio", {}).get("output", {}).get("speed") == 99
        )
        assert not wrong or self.core.session == before

    @rule(count=st.integers(0, 9601))
    def append(self, count: int) -> None:
        self.received_ms += count / 48
        audio = pybase64.b64encode(bytes(count)).decode()
        assert self.send("input_audio_buffer.append", audio=audio) == []

    @rule()
    def commit(self) -> None:
        self.one("input_audio_buffer.commit", "input_audio_buffer.committed")

    @rule()
    def clear(self) -> None:
        self.one("input_audio_buffer.clear", "input_audio_buffer.cleared")

    @precondition(lambda self: self.core.speech_item_id)
    @rule()
    def claim_the_announced_id(self) -> None:
        self.create_item(self.core.speech_item_id, None)

    @rule(item_id=ITEM_IDS, after=st.none() | ITEM_IDS)
    def add_item(self, item_id: str, after: str | None) -> None:
        self.create_item(item_id, after)

    def create_item(self, item_id: str | None, after: str | None) -> None:
        item = {"type": "message", "id": item_id, "role": "user", "content": []}
        self.one(
            "conversation.item.create",
            "conversation.item.added",
            item=item,
            previous_item_id=after,
        )

    @rule(data=st.data())
    def answer_call(self, data: st.DataObject) -> None:
        call_id = data.draw(st.sampled_from([*sorted(self.watcher.call_ids), "nope"]))
        item = {"type": "function_call_output", "call_id": call_id, "output": "x"}
        self.one("conversation.item.create", "conversation.item.done", item=item)

    @rule(data=st.data())
    def delete_item(self, data: st.DataObject) -> None:
        item_id = self.some_item(data)
        self.one("conversation.item.delete", "conversation.item.deleted", item_id=item_id)

    @rule(data=st.data())
    def retrieve_item(self, data: st.DataObject) -> None:
        item_id = self.some_item(data)
        (event,) = self.send("conversation.item.retrieve", item_id=item_id)
        known = item_id in self.watcher.chain
        assert event["type"] == ("conversation.item.retrieved" if known else "error")

    @rule(data=st.data(), end=st.sampled_from([0, 10, 100_000]))
    def truncate_item(self, data: st.DataObject, end: int) -> None:
        self.one(
            "conversation.item.truncate",
            "conversation.item.truncated",
            item_id=self.some_item(data),
            content_index=0,
            audio_end_ms=end,
        )

    @rule(
        beside=st.sampled_from(["auto", "auto", "none"]), modality=st.sampled_from([None, ["text"]])
    )
    def ask(self, beside: str, modality: Any) -> None:
        self.create_response(beside, modality)

    def create_response(self, beside: str, modality: Any) -> None:
        said = self.send_response({"conversation": beside, "output_modalities": modality})
        assert len(said) <= 1

    def send_response(self, response: dict[str, Any]) -> list[dict[str, Any]]:
        number = self.new_id("number")
        response = {**response, "metadata": {"number": number}}
        said = self.send("response.create", response=response)
        if not said or said[0]["type"] != "error":
            self.promised.add(number)
        return said

    @rule(data=st.data(), named=st.booleans())
    def cancel(self, data: st.DataObject, named: bool) -> None:
        response_id = self.some_response(data) if named else None
        said = self.send("response.cancel", response_id=response_id)
        kinds = [event["type"] for event in said]
        assert kinds == ["error"] or "response.done" in kinds
        if response_id in self.watcher.replies:
            assert self.watcher.replies[response_id].done

    @rule(servers=SERVERS)
    def declare_servers(self, servers: list[dict[str, Any]]) -> None:
        self.watcher.mcp.declared |= bool(servers)
        session = {"type": "realtime", "tools": servers}
        self.one("session.update", "session.updated", session=session)

    @rule(servers=SERVERS)
    def ask_with_servers(self, servers: list[dict[str, Any]]) -> None:
        self.watcher.mcp.declared |= bool(servers)
        self.send_response({"tools": servers})

    @precondition(lambda self: self.watcher.mcp.declared)
    @rule(data=st.data(), approve=st.booleans(), ask_on=st.booleans())
    def answer_request(self, data: st.DataObject, approve: bool, ask_on: bool) -> None:
        known = [*self.watcher.mcp.asked] * 3 + [*self.watcher.chain, "nowhere"]
        self.approve(data.draw(st.sampled_from(known)), approve)
        if ask_on:
            self.create_response("auto", None)

    def approve(self, request_id: str, approve: bool) -> list[str]:
        item = {"type": "mcp_approval_response", "approval_request_id": request_id}
        said = self.send("conversation.item.create", item={**item, "approve": approve})
        kinds = [event["type"] for event in said]
        assert kinds[0] in ("error", "conversation.item.added")
        return kinds

    @rule(frame=NONSENSE)
    def talk_nonsense(self, frame: str | bytes) -> None:
        said = self.take(self.core.receive(frame, self.now))
        assert [event["type"] for event in said] == ["error"]

    # The engine

    @rule(back=st.integers(0, 300))
    def start_speech(self, back: int) -> None:
        interrupts = self.core.session["audio"]["input"]["turn_detection"]
        said = self.feed(SpeechStarted(max(0, int(self.received_ms) - back)))
        if said and interrupts["interrupt_response"]:
            assert self.core.active_response is None

    @rule()
    def stop_speech(self) -> None:
        self.feed(SpeechStopped(int(self.received_ms)))

    @rule(words=WORDS)
    def take_a_turn(self, words: str) -> None:
        """Much needs a turn or a running reply first: make them common."""
        self.feed(SpeechStarted(int(self.received_ms)))
        self.feed(SpeechStopped(int(self.received_ms) + 500))
        if reply := self.core.active_response:
            self.feed(ResponseText(reply, words))

    @rule(data=st.data(), words=WORDS)
    def write(self, data: st.DataObject, words: str) -> None:
        self.feed_response(ResponseText(self.some_response(data), words))

    @rule(data=st.data(), milliseconds=st.integers(1, 40))
    def speak(self, data: st.DataObject, milliseconds: int) -> None:
        audio = bytes(milliseconds * 48)
        self.feed_response(ResponseAudio(self.some_response(data), audio, milliseconds))

    @rule(data=st.data(), arguments=st.sampled_from(["", '{"a":1}']))
    def call(self, data: st.DataObject, arguments: str) -> None:
        self.calls += 1
        response_id = self.some_response(data)
        self.feed_response(
            ResponseFunctionCall(response_id, f"call_{self.calls}", "find", arguments)
        )

    @rule(
        data=st.data(), status=st.sampled_from(["completed", "completed", "incomplete", "failed"])
    )
    def end(self, data: st.DataObject, status: Any) -> None:
        response_id = self.some_response(data)
        self.feed_response(ResponseEnded(response_id, status))
        self.keeper.running.discard(response_id)

    @precondition(lambda self: self.core.active_response)
    @rule(again=st.integers(1, 2))
    def call_and_ask_on(self, again: int) -> None:
        """As clients do that do not wait for ``response.done``."""
        self.calls += 1
        reply = self.core.active_response or ""
        self.feed_response(ResponseFunctionCall(reply, f"call_{self.calls}", "find", "{}"))
        for _ in range(again):
            self.create_response("auto", None)

    def feed_response(self, event: Any) -> None:
        reply = self.watcher.replies.get(event.response_id)
        live = reply is not None and not reply.done
        said = self.feed(event)
        assert live or said == []

    @precondition(lambda self: self.keeper.listing)
    @rule(data=st.data(), how=st.integers(0, 3))
    def list_tools(self, data: st.DataObject, how: int) -> None:
        item_id = data.draw(st.sampled_from(sorted(self.keeper.listing)))
        event = McpToolsListed(item_id, TOOLS) if how else McpToolsFailed(item_id, "no")
        assert self.feed(event)
        self.keeper.listing.discard(item_id)
        assert self.feed(event) == []

    @rule(
        data=st.data(),
        label=st.sampled_from(["one", "two"]),
        name=st.sampled_from(["find", "buy", "gone"]),
        arguments=st.sampled_from(["", "{}", '{"a":1}', "[", "3"]),
    )
    def call_mcp(self, data: st.DataObject, label: str, name: str, arguments: str) -> None:
        response_id = self.some_response(data)
        reply = self.watcher.replies.get(response_id)
        if reply is None or reply.in_conversation:  # nowhere else are such tools offered
            # Nor may a model call what it was not offered: the core only has to survive it.
            self.watcher.mcp.declared |= reply is not None and not reply.done
            self.feed_response(ResponseMcpCall(response_id, label, name, arguments))

    @rule(
        servers=SOME_SERVERS,
        name=st.sampled_from(["find", "buy"]),
        asks=st.sampled_from(["", "on", "yes", "no", "ends"]),
    )
    def use_a_tool(self, servers: list[dict[str, Any]], name: str, asks: str) -> None:
        """A whole turn with a call, up to where the client has its say: chance alone seldom
        makes one."""
        if not self.core.session["tools"]:
            self.declare_servers(servers)
        for item_id in sorted(self.keeper.listing):
            self.feed(McpToolsListed(item_id, TOOLS))
            self.keeper.listing.discard(item_id)
        if not self.core.active_response:
            self.create_response("auto", None)
        reply, label = self.core.active_response, self.core.session["tools"][0]["server_label"]
        if reply is None:
            return
        said = self.feed(ResponseMcpCall(reply, label, name, "{}"))
        if asks == "on":
            self.create_response("auto", None)
        if asks in ("yes", "no") and said[-1]["item"]["approval_request_id"]:
            self.approve(said[-1]["item"]["approval_request_id"], asks == "yes")
        if asks == "ends" and self.watcher.replies[reply].in_conversation:
            self.send("response.cancel", response_id=reply)
        else:
            self.end_one(reply)

    @precondition(lambda self: self.keeper.tools_run)
    @rule(data=st.data(), fails=st.booleans())
    def end_tool(self, data: st.DataObject, fails: bool) -> None:
        item_id = data.draw(st.sampled_from(sorted(self.keeper.tools_run)))
        self.end_call(item_id, fails)

    def end_call(self, item_id: str, fails: bool) -> None:
        error = {"type": "tool_execution_error", "message": "no"}
        event = McpCallEnded(item_id, None, error) if fails else McpCallEnded(item_id, "yes")
        assert self.feed(event)
        self.keeper.tools_run.discard(item_id)
        assert self.feed(event) == []

    @precondition(lambda self: self.watcher.heard)
    @rule(data=st.data(), words=st.text(max_size=4), how=st.integers(0, 4))
    def transcribe(self, data: st.DataObject, words: str, how: int) -> None:
        item_id = data.draw(st.sampled_from(self.watcher.heard[-3:]))
        told = self.watcher.awaited.get(item_id)
        if how <= 1:
            said = self.feed(TranscriptDelta(item_id, words))
        elif how == 2:
            said = self.feed(TranscriptFailed(item_id, "no"))
        else:
            said = self.feed(TranscriptCompleted(item_id, (told or "") + words, 1.0))
        assert told is not None or said == []

    @precondition(lambda self: self.watcher.awaited)
    @rule(first=WORDS, rest=WORDS, deleted=st.booleans())
    def transcribe_in_pieces(self, first: str, rest: str, deleted: bool) -> None:
        item_id, told = list(self.watcher.awaited.items())[-1]
        if deleted:
            self.send("conversation.item.delete", item_id=item_id)
        self.feed(TranscriptDelta(item_id, first))
        self.feed(TranscriptCompleted(item_id, told + first + rest, 1.0))
        assert item_id not in self.watcher.awaited

    @rule(data=st.data())
    def hear_only_so_much(self, data: st.DataObject) -> None:
        assert self.feed(ItemCut(self.some_item(data), "so far")) == []

    # The clock

    @rule(seconds=st.floats(0, 8))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.core.tick(self.now))

    def teardown(self) -> None:
        """Every response that was created can be ended, and then nothing is left open but the
        calls that nobody answered."""
        while self.keeper.listing or self.keeper.tools_run or self.core.active_response:
            for item_id in sorted(self.keeper.listing):
                self.feed(McpToolsFailed(item_id, "no"))
                self.keeper.listing.discard(item_id)
            for item_id in sorted(self.keeper.tools_run):
                self.end_call(item_id, True)
            if reply := self.core.active_response:
                self.end_one(reply)
        while running := [key for key, reply in self.watcher.replies.items() if not reply.done]:
            self.end_one(running[0])
        assert self.core.active_response is None
        asked = {item_id for item_id, state in self.watcher.mcp.calls.items() if state == "added"}
        assert set(self.watcher.chain) - asked <= self.watcher.done
        assert len(asked) == len(self.watcher.mcp.asked)
        assert set(self.watcher.mcp.lists.values()) <= {"done"}
        self.take_up_again()
        answered = {(reply.metadata or {}).get("number") for reply in self.watcher.replies.values()}
        assert self.promised <= answered

    def take_up_again(self) -> None:
        """After a restart all items are there; calls are over or can still be answered."""
        again = RealtimeProtocol("sess", "team", ids=self.new_id)
        changes = again.restore(list(self.keeper.ordered()), self.core.session)
        assert not [change for change in changes if not isinstance(change, ItemChanged)]
        self.core = again
        self.take(again.open(self.now)[1:])
        for request_id in [*self.watcher.mcp.asked]:
            assert "response.mcp_call.failed" in self.approve(request_id, False)

    def end_one(self, response_id: str) -> None:
        self.feed(ResponseEnded(response_id))
        assert self.watcher.replies[response_id].done


Talks.TestCase.settings = settings(max_examples=60, stateful_step_count=60)
# A failing talk takes a while to shrink.
TestTalks = pytest.mark.timeout(300)(Talks.TestCase)
