"""The responses of a call while they are made and played, and what of them was heard."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from frontdesk.call.book import CallBook
from frontdesk.call.events import CallEvent, Played, Remembered, Sound
from frontdesk.call.playback import Playback, SpokenItem
from frontdesk.call.reply import Reply
from frontdesk.protocol import engine
from frontdesk.voice.audio import OutputEncoder
from frontdesk.voice.base import OUTPUT_RATE

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Live:
    """A response being made or played. ``encoder`` is None in a text response."""

    reply: Reply
    task: asyncio.Task[None]
    encoder: OutputEncoder | None
    out_of_band: bool
    item: SpokenItem | None = None
    made: bool = False


class Answers:
    """Owned by the call; every method runs in its writer."""

    def __init__(
        self,
        book: CallBook,
        *,
        feed: Callable[[engine.EngineEvent], None],
        post: Callable[[CallEvent], None],
    ) -> None:
        self._book = book
        self._feed = feed
        self._post = post
        self._live: dict[str, _Live] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self.playback = Playback()

    def start(self, reply: Reply, encoder: OutputEncoder | None, *, out_of_band: bool) -> None:
        """Begin to make a response."""
        task = asyncio.create_task(self._guarded(reply))
        self._live[reply.response_id] = _Live(reply, task, encoder, out_of_band)

    async def _guarded(self, reply: Reply) -> None:
        """A defect in a reply ends the response, never the call."""
        try:
            await reply.run()
        except Exception as error:
            logger.exception("call %s: reply failed", self._book.state.call_id)
            reply.turn.failed(f"{type(error).__name__}: {error}", code="server_error")
            failure = {"code": "server_error", "message": "The server had an internal error."}
            self._post(engine.ResponseEnded(reply.response_id, status="failed", error=failure))

    def being_made(self, response_id: str) -> bool:
        """Whether events of this response still count."""
        live = self._live.get(response_id)
        return live is not None and not live.made

    def silent_for(self) -> float:
        """Seconds since the caller last heard anything; negative while sound is playing."""
        return self.playback.silent_for(time.monotonic())

    def words(self, response_id: str, text: str) -> None:
        """The reply speaks these words next."""
        if self.being_made(response_id):
            self._feed(engine.ResponseText(response_id, text))
            if item := self._live[response_id].item:
                item.words(text)
                self._book.so_far(item.item_id, item.text)

    def sound(self, event: Sound) -> None:
        """Sound of the words last announced."""
        live = self._live.get(event.response_id)
        if live is None or live.made or live.encoder is None:
            return
        milliseconds = 1000 * len(event.samples) / OUTPUT_RATE
        audio = live.encoder.encode(event.samples)
        self._feed(engine.ResponseAudio(event.response_id, audio, milliseconds))
        if live.item:
            self.playback.sound(live.item, event.samples, time.monotonic())

    def opened(self, item: dict[str, Any]) -> None:
        """An assistant item began: if it is spoken, count from here on what is played of it."""
        if item.get("role") != "assistant" or item.get("status") != "in_progress":
            return
        for response_id, live in self._live.items():
            if live.encoder and not live.out_of_band and not live.made:
                live.item = self.playback.open(item["id"], response_id)

    def remember(self, event: Remembered) -> None:
        """A tool call of the team, or its output, enters the history ahead of the spoken item."""
        live = self._live.get(event.response_id)
        if live is None or live.made or live.out_of_band:
            return
        item = {**event.item, "id": f"hidden_{secrets.token_hex(8)}"}
        after = self._before(live.item.item_id) if live.item else self._last()
        self._book.record("item.added", item=item, after=after, hidden=True)

    def _last(self) -> str | None:
        last = self._book.last_item()
        return last["id"] if last else None

    def _before(self, item_id: str) -> str | None:
        """The wire item before ``item_id``."""
        previous = None
        for stored in self._book.state.items:
            if stored.item.get("id") == item_id:
                return previous
            if not stored.hidden:
                previous = stored.item.get("id")
        return previous

    def made(self, response_id: str) -> None:
        """All of a response was made; what is left is to hear it out."""
        live = self._live.get(response_id)
        if live is None:
            return
        live.made = True
        if live.item is None or not live.item.audio:
            del self._live[response_id]
            live.reply.turn.end("completed")
            return
        wait = self.playback.remaining(time.monotonic())
        loop = asyncio.get_running_loop()
        self._timers.add(loop.call_later(wait, self._post, Played(live.item.item_id)))

    def played(self, item_id: str) -> None:
        """The play head should be at the end of this item."""
        item = self.playback.get(item_id)
        if item and not item.ended:
            self._settle(item, item.milliseconds)

    def cancelled(self, response_id: str) -> None:
        """A response was cancelled: what was sent of it may have been heard in part."""
        live = self._live.get(response_id)
        if live is None:
            return
        live.task.cancel()
        live.made = True
        if live.item is None or not live.item.audio:
            del self._live[response_id]
            live.reply.turn.end("interrupted", interrupted_at=0.0)
        else:
            self.cut_short()

    def cut_short(self) -> None:
        """The caller speaks over the agent: what was not played yet will not be heard."""
        for item, heard_ms in self.playback.stop(time.monotonic()):
            self._settle(item, heard_ms)

    def truncated(self, item_id: str, audio_end_ms: int) -> None:
        """The client's own word on what was heard: it beats our clock."""
        if item := self.playback.get(item_id):
            text = item.utterance.text_until(audio_end_ms)
            self._feed(engine.ItemCut(item_id, text))
            self._book.record("heard", item_id=item_id, text=text, audio_ms=audio_end_ms)

    def _settle(self, item: SpokenItem, played_ms: float) -> None:
        """An item was heard out or cut: log it, keep its sound, close its turn."""
        played = min(played_ms, item.milliseconds)
        cut = played < item.milliseconds
        text = item.utterance.text_until(played) if cut else item.text
        if cut:
            self._book.record("heard", item_id=item.item_id, text=text, audio_ms=round(played))
        started = time.time() - (time.monotonic() - item.started)
        sound = item.first(played)
        uri = self._book.keep("agent", item.item_id, sound, rate=OUTPUT_RATE, started=started)
        self.playback.settle(item)
        live = self._live.get(item.response_id)
        if live is None:
            return
        turn = live.reply.turn
        turn.played(
            item.item_id,
            start=started,
            end=started + played / 1000,
            text=text,
            offset_ms=self._book.offset(started),
            audio_uri=uri,
        )
        if live.made:
            del self._live[item.response_id]
            if cut:
                turn.end("interrupted", interrupted_at=played / 1000)
            else:
                turn.end("completed")

    async def aclose(self) -> None:
        """Stop everything; turns under way end with the session."""
        for timer in self._timers:
            timer.cancel()
        self.cut_short()
        for live in self._live.values():
            live.task.cancel()
            live.reply.turn.end("session_closed")
        tasks = [live.task for live in self._live.values()]
        await asyncio.gather(*tasks, return_exceptions=True)
