"""The responses of a call while they are made and played, and what of them was heard."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast

from frontdesk.call.book import CallBook
from frontdesk.call.clock import Clock, Timer
from frontdesk.call.events import CallEvent, Played, Remembered, Sound, ToolBegins
from frontdesk.call.history import being_made, message_text, newest
from frontdesk.call.playback import Playback, SpokenItem
from frontdesk.call.reply import Reply
from frontdesk.call.resuming import OfResponse, Rest, Work
from frontdesk.call.stopped import Stopped
from frontdesk.call.turn import EndReason, Turn
from frontdesk.call.upstream import CallUpstream
from frontdesk.protocol import engine
from frontdesk.team.events import ToolCall
from frontdesk.voice.audio import OutputEncoder, samples_to_int16
from frontdesk.voice.base import OUTPUT_RATE
from frontdesk.voice.g711 import Pcm
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
    rest: Rest | None = None
    """It was stopped by the caller's voice, and works for this until it is known whether they took
    the word."""
    tools: dict[str, ToolCall] = field(default_factory=dict[str, ToolCall])
    """Those that have begun."""
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
        played: Callable[[Pcm, float], None],
        hushed: Callable[[], None],
        upstream: CallUpstream | None = None,
    ) -> None:
        """``over`` is told of each response at its end: its id, whether the caller heard or read
        any of it, whether it went wrong. ``played`` is told of sound that was sent, and in how
        many milliseconds it is heard; ``hushed``, that what is still to be heard will not be.
        ``upstream`` is told what was heard of its own."""
        self._upstream = upstream
        self._book = book
        self._clock = clock
        self._feed = feed
        self._post = post
        self._tell_over = over
        self._tell_played = played
        self._tell_hushed = hushed
        self._live: dict[str, _Live] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._playback = Playback()
        self.stopped: Final = Stopped(clock, post)
        """What the caller has just stopped."""
        self._closing = False

    def start(
        self, reply: Reply, encoder: OutputEncoder | None, *, out_of_band: bool
    ) -> asyncio.Task[None]:
        """Begin to make a response, in a task that is over once it is made or cancelled."""
        task = asyncio.create_task(self._guarded(reply))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._live[reply.response_id] = _Live(reply, task, encoder, out_of_band)
        return task

    async def _guarded(self, reply: Reply) -> None:
        """A defect in a reply ends the response, never the call."""
        try:
            await reply.run()
        except Exception as error:
            logger.exception("call %s: reply failed", self._book.state.call_id)
            reply.turn.failed(f"{type(error).__name__}: {error}", code="server_error")
            failure = {"code": "server_error", "message": "The server had an internal error."}
            self._post(engine.ResponseEnded(reply.response_id, status="failed", error=failure))

    def keeps(self, event: CallEvent) -> bool:
        """Whether an event is kept for the response that may go on with one that was stopped."""
        live = self._live.get(getattr(event, "response_id", ""))
        if live is None or live.rest is None or not isinstance(event, OfResponse):
            return False
        live.rest.came(event)
        if isinstance(event, engine.ResponseEnded):
            live.made = True
            self._over(live)
        return True

    def begins(self, tool: ToolBegins) -> None:
        """A tool of a response begins."""
        if live := self._live.get(tool.within):
            live.tools[tool.call.call_id] = tool.call

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

    def words(self, response_id: str, text: str, *, goes_on: bool = False) -> None:
        """The reply speaks these words next, as :class:`~frontdesk.call.events.Words`."""
        if self.being_made(response_id):
            self._feed(engine.ResponseText(response_id, text))
            live = self._live[response_id]
            if live.item:
                live.item.words(text, goes_on=goes_on)
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
            now = self._clock.now()
            self._tell_played(pcm, 1000 * self._playback.remaining(now))
            self._playback.sound(live.item, pcm, now, last=event.last, source=event.source)
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
            if not live.made and not live.out_of_band and live.rest is None
        )
        return next((request.until for request in asked if request and request.until), None)

    def opened(self, item: dict[str, Any]) -> None:
        """An assistant item began: if it is spoken, count from here on what is played of it."""
        if not being_made(item):
            return
        for response_id, live in self._live.items():
            if live.out_of_band or live.made or live.rest:
                continue
            live.item_id = item["id"]
            if live.encoder:
                live.item = self._playback.open(item["id"], response_id)

    def remember(self, event: Remembered) -> tuple[dict[str, Any], str | None]:
        """A tool call of the team, or its output, enters the history ahead of the spoken item.
        Returns it, with the id of the item it comes after.

        Also when the response was cancelled meanwhile: what a tool did is done."""
        live = self._live.get(event.response_id)
        if live:
            live.tools.pop(cast("dict[str, Any]", event.item).get("call_id", ""), None)
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

    def cancelled(self, response_id: str, *, keep: bool = False) -> None:
        """A response was cancelled: what was sent of it may have been heard in part. With ``keep``
        it may go on."""
        live = self._live.get(response_id)
        if live is None:
            return
        live.cancelled = True
        if keep and live.encoder and not live.out_of_band:
            self._keep(live)
        else:
            live.task.cancel()
            if not (live.made or live.out_of_band):
                self._call_off()
            live.made = True
            live.reply.drop_rest()
        if live.item is None or live.item.ended:
            if live.made:
                self._over(live)
        elif live.item.milliseconds:
            self.cut_short(keep=keep)
        else:
            self._settle(live.item, 0.0, keep=keep)

    def cut_short(self, at: float | None = None, *, keep: bool = False) -> None:
        """The caller speaks over the agent, or left ``at`` some time: what was not played by then
        will not be heard, unless it is kept to be gone on with."""
        self._tell_hushed()
        for item, heard_ms in self._playback.stop(self._clock.now() if at is None else at):
            self._settle(item, heard_ms, keep=keep)

    def truncated(self, item_id: str, audio_end_ms: int) -> None:
        """The client's own word on what was heard: it beats our clock."""
        item = self._playback.get(item_id)
        if item is not None and not item.ended:
            item.heard_ms = float(audio_end_ms)
            self.cut_short()
            return
        if item is not None:
            text = item.cut(audio_end_ms)
            self._tell_upstream(item, audio_end_ms)
        else:
            text = self._recovered(item_id).text_until(audio_end_ms)
        self._heard(item_id, text, audio_end_ms)

    def _heard(self, item_id: str, text: str, milliseconds: float) -> None:
        """So much was heard of an item: so it stands in the conversation and in the log."""
        if not self._closing:
            self._feed(engine.ItemCut(item_id, text))
        self._book.record("heard", item_id=item_id, text=text, audio_ms=round(milliseconds))

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

    def _settle(
        self, item: SpokenItem, played_ms: float, *, whole: bool = False, keep: bool = False
    ) -> None:
        """An item was heard out or cut: log it, keep its sound, close its turn."""
        played = min(played_ms, item.milliseconds)
        text = item.text if whole else item.cut(played)
        live = self._live.get(item.response_id)
        if not whole:
            self._heard(item.item_id, text, played)
            if not (keep and live is not None and live.rest is not None):
                self._tell_upstream(item, played)
        started = item.started
        sound = item.first(played)
        uri = self._book.keep("agent", item.item_id, sound, rate=OUTPUT_RATE, started=started)
        self._playback.settle(item, None if whole else played)
        item.heard = text
        if live is None:
            return
        if keep and (text or not live.reply.unasked):
            reply = live.reply
            reply.turn.stopped(self.stopped.spoken_at)
            self.stopped.now().cut(item, reply.turn.trace.ref, reply.rest)
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

    def _call_off(self) -> None:
        if self._upstream is not None:
            self._upstream.line.call_off()

    def _tell_upstream(self, item: SpokenItem, heard_ms: float) -> None:
        if self._upstream is not None:
            self._upstream.heard(item.sources, heard_ms)

    def _over(self, live: _Live) -> None:
        """Made and heard, or given up: the turn ends."""
        if self._live.pop(live.reply.response_id, None) is None:
            return
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
        heard = heard or (live.rest is not None and live.made)  # another says it
        self._tell_over(live.reply.response_id, heard, turn.has_failed)

    def _keep(self, live: _Live) -> None:
        """Its work may go on for another response."""
        reply = live.reply
        live.rest = self.stopped.now()
        work = Work(reply.hold, reply.used, live.tools, lambda: self._give_up(live))
        live.rest.keep(work, reply.turn.trace.ref, reply.rest)

    def _give_up(self, live: _Live) -> None:
        """The caller has taken the word: what it was to say is not wanted."""
        live.task.cancel()
        self._call_off()
        if live.item is not None and live.item.cut_ms is not None:
            self._tell_upstream(live.item, live.item.cut_ms)
        live.reply.drop_rest()
        live.rest, live.made = None, True
        self._over(live)

    def go_on_under(self) -> None:
        """The caller speaks, and the agent is to go on all the same: whatever they say that is no
        turn needs no answer."""
        if items := self._playback.playing():
            now, head = self._clock.now(), self._playback
            heard = [item.heard_until(head.heard_ms(item, now)) for item in items]
            unheard = (item.text[len(text) :] for item, text in zip(items, heard, strict=True))
            self.stopped.now().not_cut(" ".join(heard), " ".join(unheard))

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
