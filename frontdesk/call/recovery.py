"""What was under way when a call was lost: closed, put right, and gone on with.

The log tells what its last worker was at: which responses it made, how far they were spoken, which
tools had begun. :class:`Recovery` closes what was cut off on the wire and in the log, and has the
turn answered after all.
"""

import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from frontdesk.call.book import CallBook
from frontdesk.call.clock import Clock
from frontdesk.call.history import message_text, words_heard
from frontdesk.call.turn import Turn
from frontdesk.protocol.commands import Asked, Command, ResponseRequested
from frontdesk.protocol.core import RealtimeProtocol
from frontdesk.protocol.items import audio_index, given_audio
from frontdesk.protocol.loss import CutResponse
from frontdesk.state.entries import CallState, StoredItem
from frontdesk.team.events import Decided
from frontdesk.team.history import call_item, output_item
from frontdesk.tracing.calls import Tracing
from frontdesk.voice.base import Samples, Transcript

UNKNOWN = (
    "Error: this was interrupted, and it is not known whether it was done.\n"
    "It was not run again. Tell the caller so, and do not call it again for this."
)
"""The embedded model says the first line."""
NOTE = (
    "The connection to the caller was lost in the middle of your answer, and is back. What the "
    "caller heard of it is the last message in the conversation. Go on exactly where it stops: "
    "repeat nothing of it, and do not greet the caller again."
)
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class GoingOn:
    """What the response that takes the place of a lost one has to know. ``said`` are the words of
    it that the caller heard, ``alone`` that nothing else is to be answered by now. ``decided`` are
    the tools that are run again, ``done`` is what came of those that are not: the output by tool
    and arguments. ``trace`` is the turn that was cut, ``pause`` seconds ago."""

    said: str
    alone: bool = False
    decided: tuple[Decided, ...] = ()
    done: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    trace: str | None = None
    pause: float = 0.0


def begun_entry(
    request: ResponseRequested, trace: str, now: float, since: float | None = None
) -> Json:
    """A response as its entry in the log; ``trace`` is the ``ref`` of its turn's. ``since``: when
    the first of those had begun that were lost, and whose place it takes."""
    told = asked_entry(request.asked, since)
    return {
        "id": request.response_id,
        "beside": request.out_of_band,
        "trace": trace,
        "at": now,
        **(told or {"by": "server", "request": None}),
    }


def asked_entry(by: Asked | None, since: float | None = None) -> Json | None:
    """Who asked for a response, for the log. One with sound in it is not kept: no audio is.
    ``since`` as for :func:`begun_entry`."""
    if by is None:
        return None
    request = by.request
    items: list[Any] = (request or {}).get("input") or []
    sound = any(isinstance(item, dict) and given_audio(item) for item in items)  # pyright: ignore[reportUnknownArgumentType]
    entry: Json = {"by": "lost" if sound else by.by, "request": None if sound else request}
    return entry if since is None else {**entry, "since": since}


class Recovery:
    """Owned by the call; every method runs in its writer."""

    def __init__(
        self,
        book: CallBook,
        protocol: RealtimeProtocol,
        *,
        obey: Callable[[list[Command]], None],
        word: Callable[[str, Coroutine[Any, Any, Transcript]], None],
        transcribe: Callable[[Samples], Coroutine[Any, Any, Transcript]],
        tracing: Tracing,
        clock: Clock,
        came: float | None,
    ) -> None:
        """``word`` has an item's words awaited, ``transcribe`` makes them of sound. ``came``: when
        the client knocked."""
        self._book = book
        self._protocol = protocol
        self._obey = obey
        self._word = word
        self._transcribe = transcribe
        self._tracing = tracing
        self._clock = clock
        self._came = clock.now() if came is None else came
        self._ready: float | None = None
        self._going_on: GoingOn | None = None
        self._again: Json | None = None
        self.lost_since: float | None = None
        """When the response that was lost in the conversation had begun; where that took the place
        of one that was lost before, when the first of them had."""
        self.begun: frozenset[str] = frozenset()
        """The tool calls that had begun, and had not ended as far as is known."""

    def take(self, turn: Turn, *, unasked: bool) -> GoingOn | None:
        """What the next response in the conversation goes on with, if it is as ``unasked`` as the
        one that was lost; its trace has the take-over. It is given out once."""
        if self._ready is not None:
            state = self._book.state
            turn.took_over(self._came, self._ready, state.pause, self._book.epoch)
            self._ready = None
        going_on, self._going_on = self._going_on, None
        return going_on if unasked is (self._again is None) else None

    def since(self, *, unasked: bool) -> float | None:
        """Of the next response in the conversation, if it takes the place of one that was lost:
        since when what it asks for may have been begun."""
        return self.lost_since if self.is_open and unasked is (self._again is None) else None

    @property
    def is_open(self) -> bool:
        """Whether the next response goes on with one that was lost."""
        return self._going_on is not None

    def forget(self) -> None:
        """The caller has hung up: nobody waits for an answer any more."""
        for response_id in [*self._book.state.responses]:
            self._book.record("response.over", response_id=response_id)
        if self._book.state.waits:
            self._book.record("response.waits", asked=None)

    def begin(self) -> None:
        """Close what the last worker left open. What it was asked for is asked again by
        :meth:`ask_again`."""
        state = self._book.state
        if not state.opened_before:
            return
        lost = [*state.responses.values()]
        main = next((r for r in lost if not r["beside"]), None)
        lost_or_waits: Json = main or state.waits or {}
        self.lost_since = lost_or_waits.get("since", lost_or_waits.get("at"))
        self.begun = frozenset(tool["call_id"] for tool in state.tools)
        decided = self._end_tools(main)
        for response in lost:
            self._close(response)
        self._transcribe_rest()
        if state.broke_off:
            self._obey(self._protocol.after_loss.listen_anew(self._clock.now()))
        self._again = _wanted(state.waits) or self._unanswered(main)
        alone = state.waits is None and _asked_with_all(state)
        if state.waits:
            self._book.record("response.waits", asked=None)
        said = " ".join(filter(None, map(words_heard, _cut_off(state))))
        if self._again or (said and main and main["by"] == "agent"):
            trace = main["trace"] if main else None
            self._going_on = GoingOn(said, alone, decided, _done(state), trace, state.pause)

    def ask_again(self) -> None:
        """Have the turn answered that was lost."""
        if self._book.state.opened_before:
            self._ready = self._clock.now()
        if self._again is None:
            return
        again = Asked(self._again["by"], self._again["request"])
        self._obey(self._protocol.after_loss.ask_again(again))

    def _end_tools(self, main: Json | None) -> tuple[Decided, ...]:
        """Of the tools that had begun: those to be run again. What came of others is not known."""
        decided: list[Decided] = []
        for tool in [*self._book.state.tools] if main else []:
            if main is None or tool["within"] != main["id"]:
                continue
            if tool["again"] and tool["agent"] == self._book.state.agent:
                decided.append(Decided(tool["call_id"], tool["tool"], tool["arguments"]))
            else:
                call = call_item(tool["call_id"], tool["tool"], tool["arguments"])
                self._remember(main["id"], dict(call))  # pyright: ignore[reportArgumentType]
                self._remember(main["id"], dict(output_item(tool["call_id"], UNKNOWN)))  # pyright: ignore[reportArgumentType]
        return tuple(decided)

    def _remember(self, response_id: str, item: Json) -> None:
        """Put a tool's call or output ahead of the words of its response."""
        state = self._book.state
        place = next((n for n, s in enumerate(state.items) if s.response == response_id), None)
        before = [s.item["id"] for s in state.items[:place] if not s.hidden]
        after = before[-1] if before else None
        item["id"] = f"hidden_{secrets.token_hex(8)}"
        self._book.record("item.added", item=item, after=after, hidden=True)

    def _close(self, response: Json) -> None:
        state = self._book.state
        made = [stored for stored in state.items if stored.response == response["id"]]
        for stored in made:
            self._settle(stored)
        self._tracing.close_lost(
            response["trace"],
            call_id=state.call_id,
            team=state.team,
            team_version=state.team_version,
            agent=state.agent,
            transport=state.transport,
            started=response["at"],
            ended=state.opened_again - state.pause,
        )
        items = [stored.item["id"] for stored in made]
        asked = Asked(response["by"], response["request"])
        cut = CutResponse(response["id"], asked, items, beside=response["beside"])
        self._obey(self._protocol.after_loss.close(cut))
        if response["id"] in state.responses:
            self._book.record("response.over", response_id=response["id"])

    def _settle(self, stored: StoredItem) -> None:
        """Of a spoken answer that was cut off, that was heard whose sound was sent."""
        item = stored.item
        spoken = audio_index(item, "output_audio") is not None
        if spoken and item.get("status") == "incomplete" and stored.heard is None:
            heard = message_text(item)[: stored.sent].strip()
            self._book.record("heard", item_id=item["id"], text=heard, audio_ms=stored.sent_ms)

    def _unanswered(self, main: Json | None) -> Json | None:
        """What the lost response was asked with, if anybody waits for it still."""
        if main is None or _wanted(main) is None:
            return None
        calls = [s.item["type"] for s in self._book.state.items if s.response == main["id"]]
        return None if calls and calls[-1] in ("function_call", "mcp_call") else main

    def _transcribe_rest(self) -> None:
        """What the caller said last may not have been put in words yet."""
        state = self._book.state
        for stored in reversed(state.items):
            item = stored.item
            if item.get("role") == "assistant" and item.get("status") == "completed":
                return
            index = audio_index(item, "input_audio") if item.get("role") == "user" else None
            if index is None or item["content"][index].get("transcript") is not None:
                continue
            self._protocol.after_loss.expect_words(item["id"])
            self._word(item["id"], self._stored_words(item["id"]))

    async def _stored_words(self, item_id: str) -> Transcript:
        """The words of sound that was kept. Raises :class:`SpeechError` when there is none."""
        return await self._transcribe(await self._book.caller_sound(item_id))


def _wanted(asked: Json | None) -> Json | None:
    """What somebody waits for. What the agent had to say of its own accord, it says anyway."""
    return asked if asked and asked["by"] in ("client", "server") else None


def _cut_off(state: CallState) -> list[StoredItem]:
    """The answers, oldest first, that were cut off since the caller last said something."""
    found: list[StoredItem] = []
    for stored in reversed(state.items):
        if stored.item.get("role") == "user":
            break
        if stored.item.get("role") == "assistant" and stored.item.get("status") == "incomplete":
            found.append(stored)
    return found[::-1]


def _asked_with_all(state: CallState) -> bool:
    """Whether the answer that was cut off was to all that the caller said until now."""
    cut = next(iter(_cut_off(state)), None)
    place = None if cut is None or cut.asked is None else state.index(cut.asked)
    if place is None:
        return True
    return not any(stored.item.get("role") == "user" for stored in state.items[place + 1 :])


def _done(state: CallState) -> dict[tuple[str, str], str]:
    """What tools gave since the caller last said something, by tool and arguments."""
    calls: dict[str, tuple[str, str]] = {}
    done: dict[tuple[str, str], str] = {}
    since = max((n for n, s in enumerate(state.items) if s.item.get("role") == "user"), default=0)
    for stored in state.items[since:]:
        item = stored.item
        if stored.hidden and item["type"] == "function_call":
            calls[item["call_id"]] = item["name"], item["arguments"]
        elif stored.hidden and item["call_id"] in calls:
            output = item["output"]
            done[calls[item["call_id"]]] = output if isinstance(output, str) else str(output)
    return done
