"""A caller who does not give up: when the line goes dead, it comes back at another worker."""

import asyncio
import contextlib
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any
from urllib.parse import urlencode

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.chaos.crew import Worker
from tests.chaos.world import World
from tests.frames import checked

PATIENCE = 30.0
SECOND = 24_000
TURN = re.compile(r"t\d+ ")
Event = dict[str, Any]


def _audio(samples: np.ndarray) -> str:
    return b64encode((samples * 32767).astype("<i2").tobytes()).decode()


SPEECH = _audio(0.3 * np.sin(2 * np.pi * 220 * np.arange(SECOND // 2) / SECOND))
SILENCE = _audio(np.zeros(SECOND // 2))
BUSY = "state_unavailable"
"""Why a call is not let in by a worker that has waited for its store in vain."""
PAUSE = 3
"""Stretches of silence before each turn: who speaks on sooner goes on with the turn before."""


class LineDead(Exception):
    """The worker died while the caller was dialling."""


class Ghost:
    """The end of a line on which nobody should speak any more."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def until_closed(self) -> tuple[list[str], int | None]:
        """The events that came all the same, and the close code."""
        heard: list[str] = []
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(PATIENCE):
                while True:
                    heard.append(json.loads(await self._socket.recv())["type"])
        return heard, self._socket.close_code


class Caller:
    """One call, from its beginning to its end, over as many connections as it takes."""

    def __init__(self, name: str, world: World, *, spoken: bool) -> None:
        self.name = name
        self.spoken = spoken
        self.call_id = ""
        self.worker: Worker | None = None
        self.events: list[Event] = []
        """All that was received, sound excepted."""
        self.items: list[str] = []
        """The items that were told of, in their order."""
        self.cut: set[str] = set()
        """Those whose end was not heard, as it told itself."""
        self.committed: set[str] = set()
        """Those that speech was said to become."""
        self.told_before: list[str] = []
        """The items as they stood when all were told anew."""
        self.words: dict[str, str] = {}
        """What was told of their words."""
        self.sound_ms: dict[str, float] = {}
        self.wrong: list[str] = []
        self.lost = asyncio.Event()
        """Set while the line is dead."""
        self.roles: dict[str, str] = {}
        self.open: set[str] = set()
        """Those that are not whole yet."""
        self._world = world
        self._token: str | None = None
        self._last = ""
        self._dials = False
        """Whether it dials, and was not let in yet."""
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    # The line

    async def dial(self, worker: Worker) -> "Caller":
        await self._connect(worker, {"model": "chaos"})
        return self

    async def come_back(self, *workers: Worker) -> None:
        """Dial again until one of these workers has the call."""
        await self._hang_up()
        await self._dial_again(workers)

    async def go_elsewhere(self, worker: Worker) -> "Ghost":
        """The same, but for the old line, which stays up: whoever is at its end is heard on."""
        assert self._reading is not None and self._socket is not None
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        ghost = Ghost(self._socket)
        await self._dial_again([worker])
        return ghost

    async def _dial_again(self, workers: Sequence[Worker]) -> None:
        async with asyncio.timeout(PATIENCE):
            for worker in cycle(workers):
                try:
                    return await self._connect(worker, self._showing)
                except LineDead:
                    await asyncio.sleep(0.02)

    @property
    def _showing(self) -> dict[str, str]:
        """What it says when it comes back: who it is, and what it heard last."""
        if self._token is None:
            return {"call_id": self.call_id, "resume": "true"}
        return {"call_id": self.call_id, "resume": self._token, "after": self._last}

    async def _connect(self, worker: Worker, query: dict[str, str]) -> None:
        address = f"{worker.url.replace('http', 'ws', 1)}/v1/realtime?{urlencode(query)}"
        self.lost.clear()
        self.worker = worker
        self._dials = True
        begin = len(self.events)
        try:
            self._socket = await connect(address, max_size=None, compression=None, close_timeout=1)
        except (OSError, WebSocketException) as error:
            raise LineDead(str(error)) from error
        self._reading = asyncio.create_task(self._read(self._socket))
        created = await self._until_or_dead("session.created", begin)
        assert self.call_id in ("", created["session"]["id"])
        self.call_id = created["session"]["id"]
        self._token = created.get("resume", {}).get("token", self._token)
        await self._configure()

    async def _configure(self) -> None:
        session: dict[str, Any] = {"type": "realtime"}
        if self.spoken:
            hints = {"model": "whisper-1", "prompt": self.name}
            session["audio"] = {"input": {"transcription": hints}}
        else:
            session["output_modalities"] = ["text"]
        begin = len(self.events)
        await self.send("session.update", session=session)
        await self._until_or_dead("session.updated", begin)

    async def _until_or_dead(self, kind: str, since: int) -> Event:
        def seen() -> Event | None:
            if self.lost.is_set():
                raise LineDead(self.story())
            return self.first(kind, since=since)

        return await self.when(seen)

    async def _read(self, socket: ClientConnection) -> None:
        try:
            while True:
                self._take(checked(await socket.recv()))
        except ConnectionClosed:
            self.lost.set()
            self._tell()

    async def _hang_up(self) -> None:
        if self._reading is not None and self._socket is not None:
            self._socket.transport.abort()
            await self._reading

    async def close(self) -> None:
        await self._hang_up()

    async def send(self, kind: str, **fields: Any) -> None:
        """What is sent into a dead line is lost, as on any line."""
        assert self._socket is not None
        with contextlib.suppress(ConnectionClosed):
            await self._socket.send(json.dumps({"type": kind, **fields}))

    # What is heard

    def _take(self, event: Event) -> None:
        if self._dials and event["type"] == "error" and event["error"]["code"] == BUSY:
            return  # the machine is slow: it dials again
        self._last = event["event_id"]
        match event["type"]:
            case "session.created":
                self._greeted(event)
            case "response.output_audio.delta":
                before = self.sound_ms.get(event["item_id"], 0.0)
                self.sound_ms[event["item_id"]] = before + len(b64decode(event["delta"])) / 48
                self._tell()
                return
            case "conversation.item.added":
                self._added(event["item"], event["previous_item_id"])
            case "input_audio_buffer.committed":
                self.committed.add(event["item_id"])
            case "conversation.item.done":
                self.words[event["item"]["id"]] = words(event["item"])
                self.open.discard(event["item"]["id"])
            case "conversation.item.input_audio_transcription.completed":
                self.words[event["item_id"]] = event["transcript"].strip()
            case "response.output_audio_transcript.delta" | "response.output_text.delta":
                so_far = self.words.get(event["item_id"], "")
                self.words[event["item_id"]] = so_far + event["delta"]
            case "conversation.item.truncated":
                self.cut.add(event["item_id"])
            case "error":
                self.wrong.append(json.dumps(event["error"]))
            case _:
                pass
        self.events.append(event)
        self._tell()

    def _greeted(self, created: Event) -> None:
        self._dials = False
        if created.get("resume", {}).get("replay") == "items":
            self.told_before, self.items = self.items, []  # all of them are told again

    def _added(self, item: Event, previous: str | None) -> None:
        item_id = item["id"]
        self.words[item_id], self.roles[item_id] = words(item), item.get("role", "")
        self.open.add(item_id)
        if item_id in self.items:
            self.wrong.append(f"{item_id} was told of twice")
        elif previous is None:
            self.items.insert(0, item_id)
        elif previous in self.items:
            self.items.insert(self.items.index(previous) + 1, item_id)
        else:
            self.wrong.append(f"{item_id} comes after {previous}, which nobody told of")
            self.items.append(item_id)

    def _tell(self) -> None:
        self._news.set()

    async def when(self, true: Callable[[], Any]) -> Any:
        """Wait until something is so, by what was heard."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := true()):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{self.name} waits in vain: {self.story()}") from None
        return found

    def story(self) -> str:
        """The last that happened, for who has to find out why."""
        last = [event["type"] for event in self.events[-12:]]
        return f"call {self.call_id}, last {last}, words {self.words}, wrong {self.wrong}"

    async def until(self, kind: str, *, since: int, **fields: Any) -> Event:
        """The first event of this kind after the first ``since``."""

        return await self.when(lambda: self.first(kind, since=since, **fields))

    def first(self, kind: str, *, since: int, **fields: Any) -> Event | None:
        """The same, if it has come."""
        found = (
            e for e in self.events[since:] if e["type"] == kind and fields.items() <= e.items()
        )
        return next(found, None)

    # What is said

    async def say(self, text: str) -> None:
        """Speak, and fall silent; or write, and ask for an answer."""
        if self.spoken:
            self._world.lines[self.name] = text
            for _ in range(PAUSE):
                await self.send("input_audio_buffer.append", audio=SILENCE)
            await self.send("input_audio_buffer.append", audio=SPEECH)
            for _ in range(2):
                await self.send("input_audio_buffer.append", audio=SILENCE)
            return
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        await self.send("conversation.item.create", item=item)
        await self.send("response.create")

    async def heard_out(self) -> None:
        """Tell that the last answer was heard to its end: its sound comes faster than anybody
        listens, and an answer over it would be an interruption."""
        if not self.spoken:
            return
        item_id, milliseconds = next(reversed(self.sound_ms.items()))
        fields = {"item_id": item_id, "content_index": 0, "audio_end_ms": int(milliseconds)}
        begin = len(self.events)
        await self.send("conversation.item.truncate", **fields)
        await self.until("conversation.item.truncated", since=begin)

    def answer(self, text: str) -> str | None:
        """What was told of the answer to a turn; None as long as something of it is not whole."""
        told = [(self.roles[i], self.words[i], i) for i in self.items]
        items = answer_to(text, told)
        if items is None or self.open & {item_id for _, _, item_id in items}:
            return None
        return " ".join(said for _, said, _ in items)

    def check(self, items: list[Event]) -> None:
        """What it was told is so: the same items, in the same order, and no word less, but of
        answers that it spoke over: they keep what was heard."""
        stored = {one["item"]["id"]: one["item"] for one in items if not one["hidden"]}
        assert not self.wrong, self.wrong
        assert self.items == [item_id for item_id in stored if item_id in {*self.items}]
        assert self.committed <= stored.keys()
        assert self.told_before == [item_id for item_id in stored if item_id in {*self.told_before}]
        for item_id, text in self.words.items():
            kept, told = words(stored[item_id]), text.strip()
            spoken_over = item_id in self.cut or stored[item_id].get("status") == "incomplete"
            cut = spoken_over and told.startswith(kept)
            assert kept.startswith(told) or cut, (told, stored[item_id])


Told = tuple[str, str, str]
"""Role, words and id of an item."""


def answer_to(text: str, items: Sequence[Told]) -> list[Told] | None:
    """What the agent said from the turn ``text`` of the caller on, up to their next one."""
    turns = [
        place
        for place, (role, said, _) in enumerate(items)
        if role == "user" and (said == text or TURN.match(said))
    ]
    mine = [place for place in turns if items[place][1] == text]
    if not mine:
        return None
    end = next((place for place in turns if place > mine[0]), len(items))
    return [item for item in items[mine[0] : end] if item[0] == "assistant"]


def words(item: dict[str, Any]) -> str:
    """The words of an item."""
    parts = item.get("content") or []
    return " ".join(part.get("transcript") or part.get("text") or "" for part in parts).strip()
