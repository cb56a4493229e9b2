"""The responses of a call while they are made and played, and what of them was heard."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from frontdesk.call.book import CallBook
from frontdesk.call.clock import Clock, Timer
from frontdesk.call.events import CallEvent, Played, Remembered, Sound
from frontdesk.call.history import being_made, message_text, newest
from frontdesk.call.playback import Playback, SpokenItem
from frontdesk.call.reply import Reply
from frontdesk.call.turn import EndReason, Turn
from frontdesk.protocol import engine
from frontdesk.voice.audio import OutputEncoder, samples_to_int16
from frontdesk.voice.base import OUTPUT_RATE
from frontdesk.voice.playback import Utterance

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Live:
    """A response being made or played. ``encoder`` is None in a text response. Once it is
    ``made``, whole or cancelled, nothing more comes."""

    reply: Reply
    task: asyncio.Task[None]
    encoder: OutputEncoder | None
    out_of_band: bool
    item_id: str | None = None
    """What it writes or speaks now, in the conversation."""
    item: SpokenItem | None = None
    made: bool = False
    cancelled: bool = False
    heard_out: Timer | None = None


class Answers:
    """Owned by the call; every method runs in its writer."""

    def __init__(
        self,
        book: CallBook,
        clock: Clock,
        *,
        feed: Callable[[engine.EngineEvent], None],
        post: Callable[[CallEvent], None],
        over: Callable[[str, bool, bool], None],
    ) -> None:
        """``over`` is told of each response at its end: its id, whether the caller heard or read
        any of it, whether it went wrong."""
        self._book = book
        self._clock = clock
        self._feed = feed
        self._post = post
        self._tell_over = over
        self._live: dict[str, _Live] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._playback = Playback()
        self._closing = False

    def start(self, reply: Reply, encoder: OutputEncoder | None, *, out_of_band: bool) -> None:
        """Begin to make a response."""
        task = asyncio.create_task(self._guarded(reply))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
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

    @property
    def under_way(self) -> bool:
        """Whether a response is being made, or was not heard out."""
        return bool(self._live)

    def turn_of(self, response_id: str) -> Turn | None:
        """The turn of a response that is being made."""
        return self._live[response_id].reply.turn if self.being_made(response_id) else None

    def silent_for(self) -> float:
        """Seconds since the caller last heard anything; negative while sound is playing."""
        return self._playback.silent_for(self._clock.now())

    def unheard(self, response_id: str) -> bool:
        """Whether the caller waits for sound: there is silence, or this response has not begun."""
        live = self._live.get(response_id)
        begun = live is not None and live.item is not None and live.item.milliseconds > 0
        return not begun or self.silent_for() >= 0

    def unread(self, response_id: str) -> bool:
        """Whether this is a text response of which there is nothing to read yet."""
        live = self._live.get(response_id)
        return live is not None and live.encoder is None and live.item_id is None

    def words(self, response_id: str, text: str) -> None:
        """The reply speaks these words next."""
        if self.being_made(response_id):
            self._feed(engine.ResponseText(response_id, text))
            live = self._live[response_id]
            if live.item:
                live.item.words(text)
            if live.item_id:
                spoken = live.encoder is not None
                self._book.record("item.words", item_id=live.item_id, words=text, spoken=spoken)

    def sound(self, event: Sound) -> None:
        """Sound of the words last announced."""
        live = self._live.get(event.response_id)
        if live is None or live.made or live.encoder is None:
            return
        pcm = samples_to_int16(event.samples)
        milliseconds = 1000 * len(pcm) / OUTPUT_RATE
        audio = live.encoder.encode(pcm)
        self._feed(engine.ResponseAudio(event.response_id, audio, milliseconds))
        if live.item and not live.item.ended:
            self._playback.sound(live.item, pcm, self._clock.now(), last=event.last)
            if event.last:
                milliseconds = round(live.item.milliseconds)
                self._book.record("item.sent", item_id=live.item.item_id, audio_ms=milliseconds)

    def asked_with(self, item: dict[str, Any]) -> str | None:
        """Of an answer that begins: the newest item that the team was asked with."""
        if not being_made(item):
            return None
        asked = (
            live.reply.answering
            for live in self._live.values()
            if not live.made and not live.out_of_band
        )
        return next((request.until for request in asked if request and request.until), None)

    def opened(self, item: dict[str, Any]) -> None:
        """An assistant item began: if it is spoken, count from here on what is played of it."""
        if not being_made(item):
            return
        for response_id, live in self._live.items():
            if live.out_of_band or live.made:
                continue
            live.item_id = item["id"]
            if live.encoder:
                live.item = self._playback.open(item["id"], response_id)

    def remember(self, event: Remembered) -> tuple[dict[str, Any], str | None]:
        """A tool call of the team, or its output, enters the history ahead of the spoken item.
        Returns it, with the id of the item it comes after.

        Also when the response was cancelled meanwhile: what a tool did is done."""
        live = self._live.get(event.response_id)
        item = {**event.item, "id": f"hidden_{secrets.token_hex(8)}"}
        after = self._before(live.item.item_id) if live and live.item else self._last()
        self._book.record("item.added", item=item, after=after, hidden=True)
        return item, after

    def _last(self) -> str | None:
        last = newest(self._book.state)
        return last["id"] if last else None

    def _before(self, item_id: str) -> str | None:
        """The wire item before ``item_id``."""
        state = self._book.state
        place = state.index(item_id)
        before = len(state.items) if place is None else place
        wire = (s.item["id"] for s in reversed(state.items[:before]) if not s.hidden)
        return next(wire, None)

    def made(self, response_id: str) -> None:
        """All of a response was made; what is left is to hear it out."""
        live = self._live.get(response_id)
        if live is None or live.made:
            return
        live.made = True
        item = live.item
        if item is None or item.ended or not item.milliseconds:
            self._over(live)
            return
        wait = self._playback.remaining(self._clock.now())
        live.heard_out = self._clock.later(wait, lambda: self._post(Played(item.item_id)))

    def played(self, item_id: str) -> None:
        """The play head should be at the end of this item."""
        item = self._playback.get(item_id)
        if item and not item.ended:
            self._settle(item, item.milliseconds, whole=True)

    def cancelled(self, response_id: str) -> None:
        """A response was cancelled: what was sent of it may have been heard in part."""
        live = self._live.get(response_id)
        if live is None:
            return
        live.task.cancel()
        live.made = live.cancelled = True
        if live.item is None or live.item.ended:
            self._over(live)
        elif live.item.milliseconds:
            self.cut_short()
        else:
            self._settle(live.item, 0.0)

    def cut_short(self, at: float | None = None) -> None:
        """The caller speaks over the agent, or left ``at`` some time: what was not played by then
        will not be heard."""
        for item, heard_ms in self._playback.stop(self._clock.now() if at is None else at):
            self._settle(item, heard_ms)

    def truncated(self, item_id: str, audio_end_ms: int) -> None:
        """The client's own word on what was heard: it beats our clock."""
        item = self._playback.get(item_id)
        utterance = item.utterance if item else self._recovered(item_id)
        text = utterance.text_until(audio_end_ms)
        self._feed(engine.ItemCut(item_id, text))
        if item is None or item.ended:
            self._book.record("heard", item_id=item_id, text=text, audio_ms=audio_end_ms)
            return
        item.heard_ms = float(audio_end_ms)
        self.cut_short()

    def _recovered(self, item_id: str) -> Utterance:
        """The sound of an item that was spoken before the call was taken up again, as far as its
        log tells: the words are taken to lie evenly in it."""
        utterance = Utterance()
        state = self._book.state
        seconds = [piece["seconds"] for piece in state.audio if piece["item_id"] == item_id]
        for stored in state.items:
            if stored.item["id"] != item_id:
                continue
            # Of sound that was not kept before its worker died, it is known how much was sent.
            milliseconds = 1000 * seconds[-1] if seconds else stored.sent_ms
            if milliseconds:
                text = message_text(stored.item) if stored.heard is None else stored.heard
                utterance.add(text, 0.0, milliseconds)
            else:
                utterance.add(message_text(stored.item), 0.0, 0.0, complete=False)
        return utterance

    def _settle(self, item: SpokenItem, played_ms: float, *, whole: bool = False) -> None:
        """An item was heard out or cut: log it, keep its sound, close its turn."""
        played = min(played_ms, item.milliseconds)
        text = item.text if whole else item.utterance.text_until(played)
        if not whole:
            self._book.record("heard", item_id=item.item_id, text=text, audio_ms=round(played))
        started = item.started
        sound = item.first(played)
        uri = self._book.keep("agent", item.item_id, sound, rate=OUTPUT_RATE, started=started)
        self._playback.settle(item, None if whole else played)
        item.heard = text
        live = self._live.get(item.response_id)
        if live is None:
            return
        live.reply.turn.played(
            item.item_id,
            start=started,
            end=started + played / 1000,
            text=text,
            made=item.milliseconds / 1000,
            offset_ms=self._book.offset(started),
            audio_uri=uri,
        )
        if live.made:
            self._over(live)

    def _over(self, live: _Live) -> None:
        """Made and heard, or given up: the turn ends."""
        self._live.pop(live.reply.response_id, None)
        if live.heard_out:
            live.heard_out.cancel()
        cut_ms = live.item.cut_ms if live.item else None
        if cut_ms is None and live.cancelled and live.encoder:
            cut_ms = 0.0
        reason: EndReason = "completed"
        if self._closing:
            reason = "session_closed"
        elif live.cancelled or cut_ms is not None:
            reason = "interrupted"
        turn = live.reply.turn
        turn.end(
            reason,
            interrupted_at=None if cut_ms is None else cut_ms / 1000,
            interrupted_of=live.item.milliseconds / 1000 if live.item else None,
        )
        heard = bool(live.item and live.item.heard) if live.encoder else turn.has_words
        heard = heard or live.reply.unheard.repeats  # it was before a worker was lost
        self._tell_over(live.reply.response_id, heard, turn.has_failed)

    def stop(self, at: float | None = None) -> None:
        """The call ends, or did ``at`` some time for the caller: stop all work. What is still
        played will not be heard."""
        self._closing = True
        self.cut_short(at)
        for task in self._tasks:
            task.cancel()

    async def aclose(self) -> None:
        """Wait until all work has stopped; the turns under way end with the session."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for live in [*self._live.values()]:
            self._over(live)
