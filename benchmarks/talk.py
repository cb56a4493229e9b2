"""The log of a call, as long as one likes, the same each time: what is spoken is prose.

Sentences that repeat, or that are made up of random words, would say nothing of how well a log
packs. So the talk is read from this project's own documentation, 150 words a minute.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

DOCS = Path(__file__).parent.parent / "docs"
OPENED = 1795346235.0
ITEMS_A_TURN = 4
SECONDS_A_TURN = 24.0
"""150 turns, so 600 items, in an hour."""

Entry = dict[str, Any]


def turns(count: int) -> Iterator[list[Entry]]:
    """The entries of each turn: a question, a tool call, an answer in three clauses."""
    talk = _Talk()
    yield [
        talk.entry("call.opened", team="support", team_version="cd285e4d0fcd", agent="frontdesk",
                   transport="websocket"),
        talk.entry("session", session=_SESSION),
    ]  # fmt: skip
    for _ in range(count):
        yield list(talk.turn())


def entries(items: int) -> list[Entry]:
    """The log of a call of so many items."""
    return [entry for turn in turns(items // ITEMS_A_TURN) for entry in turn]


class _Talk:
    def __init__(self) -> None:
        self._random = Random(5)
        self._words = _prose()
        self._spoken = 0
        self._now = OPENED
        self._last: str | None = None

    def entry(self, kind: str, **fields: Any) -> Entry:
        self._now += self._random.uniform(0.001, 0.4)
        return {"kind": kind, "at": self._now, **fields}

    def turn(self) -> Iterator[Entry]:
        began = self._now
        user, call, output, answer = (f"item_{self._id(24)}" for _ in range(4))
        question = self._say(14)
        yield self._added(_message(user, "user", None), self._last)
        yield self._audio(user, "caller", 5.6)
        yield self.entry("item.changed", item=_message(user, "user", question))
        name = f"call_{self._id(24)}"
        arguments = f'{{"order":{self._random.randint(1000, 9999)}}}'
        asked = {"type": "function_call", "name": "order_status", "arguments": arguments}
        yield self._added(_tool(call, name, asked), user, hidden=True)
        told = {"type": "function_call_output", "output": f'{{"status":"{self._say(12)}"}}'}
        yield self._added(_tool(output, name, told), call, hidden=True)
        yield self._added(_message(answer, "assistant", "", "in_progress"), user, asked=user)
        clauses = [self._say(11) for _ in range(3)]
        for said in (clauses[:1], clauses[:2], clauses):
            words = " ".join(said)
            yield self.entry("item.changed", item=_message(answer, "assistant", words))
        yield self._audio(answer, "agent", 13.2)
        yield self.entry("heard", item_id=answer, text=" ".join(clauses), audio_ms=13200)
        self._last = answer
        self._now = began + SECONDS_A_TURN

    def _added(
        self, item: Entry, after: str | None, *, hidden: bool = False, asked: str | None = None
    ) -> Entry:
        return self.entry("item.added", item=item, after=after, hidden=hidden, asked=asked)

    def _audio(self, item_id: str, role: str, about: float) -> Entry:
        seconds = round(about * self._random.uniform(0.5, 1.5), 2)
        offset = round(1000 * (self._now - OPENED))
        uri = f"/api/audio/{self._id(32)}"
        return self.entry(
            "audio", item_id=item_id, role=role, uri=uri, offset_ms=offset, seconds=seconds
        )

    def _say(self, about: int) -> str:
        count = self._random.randint(about // 2, about + about // 2)
        words = [self._words[(self._spoken + n) % len(self._words)] for n in range(count)]
        self._spoken += count
        return " ".join(words)

    def _id(self, digits: int) -> str:
        return f"{self._random.getrandbits(4 * digits):0{digits}x}"


def _message(item_id: str, role: str, said: str | None, status: str = "completed") -> Entry:
    kind = "input_audio" if role == "user" else "output_audio"
    content = [] if said == "" else [{"type": kind, "transcript": said}]
    return {"id": item_id, "object": "realtime.item", "type": "message", "status": status,
            "role": role, "content": content}  # fmt: skip


def _tool(item_id: str, call_id: str, fields: Entry) -> Entry:
    about = {"object": "realtime.item", "status": "completed", "call_id": call_id}
    return {"id": item_id, **fields, **about}


def _prose() -> list[str]:
    text = " ".join(path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md")))
    text = re.sub(r"```.*?```", " ", text, flags=re.DOTALL)
    return re.findall(r"(?<!\S)[A-Za-z][a-z']*[,.;:]?(?!\S)", text)


_SESSION = {
    "object": "realtime.session",
    "id": "sess_1c91be4c12f0b8e28fb0bed0",
    "type": "realtime",
    "model": "default",
    "expires_at": 1795349835,
    "output_modalities": ["audio"],
    "instructions": "You answer callers by voice. Be warm, brief and truthful.",
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "tracing": None,
    "truncation": "auto",
    "prompt": None,
    "include": None,
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": {"model": "whisper-1"},
            "noise_reduction": None,
            "turn_detection": {
                "type": "semantic_vad",
                "eagerness": "auto",
                "create_response": True,
                "interrupt_response": True,
            },
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy", "speed": 1.0},
    },
}
