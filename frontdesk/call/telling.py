"""Telling the caller what nobody asked for just now: results of background work, and that it still
goes on.

It is told at a gap, when neither side speaks or is about to. A result is told once some of it was
heard (or written, in a text session); one that the caller spoke over before that is told again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from frontdesk.call.book import CallBook
from frontdesk.call.clock import Clock, Timer
from frontdesk.call.delegation import Delegation, Told
from frontdesk.call.events import CallEvent, GapSought
from frontdesk.call.history import newest, words_heard
from frontdesk.protocol import engine
from frontdesk.protocol.core import RealtimeProtocol

GAP = 0.7
"""Seconds of silence that make a gap. People leave 0.2 s between turns, and a second feels like
the other's turn."""
AGAIN = 0.2
"""Seconds between two looks while somebody speaks: a play head has no event to wait for."""
ATTEMPTS = 2
"""How often a result is told that no model or no voice is there for."""

NOTE = (
    "Background work that you began earlier has just come back: the last tool outputs are its "
    "results. Tell the caller now, in a sentence or two, and say what it is about. Nobody has "
    "asked again just now, so do not answer earlier questions a second time."
)
"""For models, in the response that tells results."""


@dataclass(slots=True)
class Occasion:
    """Why a response was begun unasked: to tell the results of these, or a fixed ``line``."""

    results: list[Delegation] = field(default_factory=list[Delegation])
    line: str | None = None
    about: list[str] = field(default_factory=list[str])
    """Ids of the work it is about."""
    ours: bool = False
    """The line is the desk's own: no guardrail looks at it."""
    said: str = ""
    """What the caller heard of the results, from workers that died as they told them."""


class Telling:
    """Owned by the call; every method runs in its writer."""

    def __init__(
        self,
        *,
        book: CallBook,
        protocol: RealtimeProtocol,
        quiet_for: Callable[[], float],
        clock: Clock,
        feed: Callable[[engine.EngineEvent], None],
        post: Callable[[CallEvent], None],
    ) -> None:
        self._book = book
        self._protocol = protocol
        self._quiet_for = quiet_for
        self._clock = clock
        self._feed = feed
        self._post = post
        self._results: dict[str, Delegation] = {}
        self._lines: dict[str, str] = {}
        self._attempts: dict[str, int] = {}
        self._told_in: dict[str, Occasion] = {}
        self._timer: Timer | None = None

    # What there is to tell

    def result(self, known: Delegation) -> None:
        """Tell what came of this work."""
        self._results[known.id] = known
        self._seek(GAP)

    def told_before(self, known: Delegation) -> bool:
        """Whether a worker that died had told it: the answer behind it was sent to its end. What
        was begun and is to be told again does not stand in the history until then."""
        state = self._book.state
        place = state.index(f"hidden_{known.id}_output")
        later = [] if place is None else state.items[place + 1 :]
        answer = next((s for s in later if s.item.get("role") == "assistant"), None)
        if answer is not None and answer.item.get("status") == "completed":
            self._settle(known, "spoken")
            return True
        if answer is not None and (said := words_heard(answer)):
            known.said = f"{known.said} {said}".strip()  # the next worker may die, too
            self._book.record("delegation", delegation=known.entry())
        self._unremember(known)
        return False

    def line(self, known: Delegation, words: str) -> None:
        """Say this about work that goes on; newer words replace those that were not said yet."""
        self._lines[known.id] = words
        self._seek(GAP)

    def forget_line(self, known: Delegation) -> None:
        """It does not go on any more."""
        self._lines.pop(known.id, None)

    def forget(self, known: Delegation) -> None:
        """The caller knows already."""
        self._results.pop(known.id, None)

    # At a gap

    def seek_gap(self) -> None:
        """Speak up if this is a gap; look again later if not."""
        self._timer = None
        if not (self._results or self._lines):
            return
        silent = self._quiet_for()
        if self._protocol.quiet and silent >= GAP:
            self._feed(engine.AgentSpeaksUp())
        if self._results or self._lines:
            self._seek(max(GAP - silent, AGAIN) if self._protocol.quiet else AGAIN)

    def _seek(self, seconds: float) -> None:
        if self._timer is None:
            wait = min(seconds, GAP)
            self._timer = self._clock.later(wait, lambda: self._post(GapSought()))

    # In a response

    def begin(self, response_id: str) -> Occasion:
        """What an unasked response is to tell. Results enter the history here."""
        occasion = Occasion()
        if self._results:
            occasion.results = [*self._results.values()]
            occasion.about = [*self._results]
            occasion.said = self._said(occasion.results)
            self._results.clear()
            for known in occasion.results:
                self._remember(known)
        elif self._lines:
            occasion.about = [*self._lines]
            occasion.line = " ".join(dict.fromkeys(self._lines.values()))
            self._lines.clear()
        self._told_in[response_id] = occasion
        return occasion

    def _said(self, results: list[Delegation]) -> str:
        """What was said of these before, if nothing else was since."""
        last = newest(self._book.state) or {}
        cut_off = last.get("role") == "assistant" and last.get("status") == "incomplete"
        return " ".join(dict.fromkeys(k.said for k in results if k.said)) if cut_off else ""

    def _remember(self, known: Delegation) -> None:
        """The result, as a call of the same tool that has come back."""
        self._unremember(known)  # a crash may have left it where it was told first
        call = {"type": "function_call", "call_id": known.id, "name": known.tool}
        output = {"type": "function_call_output", "call_id": known.id, "output": known.output or ""}
        last = newest(self._book.state)
        for kind, item in (("call", {**call, "arguments": known.arguments}), ("output", output)):
            item = {**item, "id": f"hidden_{known.id}_{kind}"}
            self._book.record(
                "item.added", item=item, after=last["id"] if last else None, hidden=True
            )

    def _unremember(self, known: Delegation) -> None:
        for kind in ("call", "output"):
            item_id = f"hidden_{known.id}_{kind}"
            if self._book.state.index(item_id) is not None:
                self._book.record("item.deleted", item_id=item_id)

    def over(self, response_id: str, *, heard: bool, failed: bool) -> None:
        """The response is over. What was not heard is told again."""
        occasion = self._told_in.pop(response_id, None)
        for known in occasion.results if occasion else ():
            self._attempts[known.id] = self._attempts.get(known.id, 0) + failed
            if heard and not failed:
                self._settle(known, "spoken")
            elif self._attempts[known.id] >= ATTEMPTS:
                self._settle(known, "failed")
            else:
                self._unremember(known)
                self.result(known)

    def _settle(self, known: Delegation, told: Told) -> None:
        known.told = told
        self._book.record("delegation", delegation=known.entry())

    def stop(self) -> None:
        """The call ends."""
        if self._timer is not None:
            self._timer.cancel()
        self._results.clear()
        self._lines.clear()
