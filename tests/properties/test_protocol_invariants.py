"""Whatever a client, an engine and the clock do, and in whatever order: the wire stays whole.

A watcher reads every event as the strictest client would, and every command as the keeper of
the call's log would. Random talks must never surprise either.
"""

import json
from collections import Counter
from typing import Any

import pybase64
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from frontdesk.protocol import ProtocolError, RealtimeProtocol
from frontdesk.protocol.commands import (
    Command,
    ItemChanged,
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
    ResponseUsage,
    SpeechStarted,
    SpeechStopped,
    TranscriptCompleted,
    TranscriptDelta,
    TranscriptFailed,
    Usage,
)
from tests.frames import checked
from tests.properties.keeping import Keeper
from tests.properties.watching import Watcher

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
        "prompt": st.sampled_from([None, {"id": "known"}, {"id": "unknown"}]),
        "truncation": st.sampled_from([None, "auto", "disabled"]),
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


def find_prompt(prompt: dict[str, Any], param: str) -> dict[str, Any]:
    if prompt["id"] == "unknown":
        raise ProtocolError("invalid_value", "There is no such prompt.", f"{param}.id")
    return {**prompt, "version": "1"}


class Talks(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.now = 1000.0
        self.watcher = Watcher()
        self.keeper = Keeper()
        audio = {"input": {"transcription": {"model": "m"}}}
        self.core = RealtimeProtocol(
            "sess", "team", ids=self.new_id, defaults={"audio": audio}, prompts=find_prompt
        )
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
            or patch.get("prompt") == {"id": "unknown"}
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
        audio = bytes(milliseconds * 48)  # the core counts what the engine says, in any format
        self.feed_response(ResponseAudio(self.some_response(data), audio, milliseconds))

    @rule(data=st.data(), tokens=st.integers(0, 99))
    def use(self, data: st.DataObject, tokens: int) -> None:
        response_id = self.some_response(data)
        reply = self.watcher.replies.get(response_id)
        if reply is not None and not reply.done:
            reply.used = 3 * tokens
        assert self.feed(ResponseUsage(response_id, Usage(tokens, tokens, 0, 0, tokens))) == []

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
