"""A summary in place of the older part of a long call: made beside the talk, seen by models alone.

What it stands for stays in the log and on the wire. It is an entry of the log, so whoever takes the
call over has it. Until there is one, or when none can be made, the oldest items are left out as the
session's ``truncation`` says.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from agents import TResponseInputItem, Usage
from frontdesk.call.book import CallBook
from frontdesk.call.clock import Clock
from frontdesk.call.context import Item, Limits, tokens_of
from frontdesk.call.conversation import Conversation, Group
from frontdesk.call.delegation import OVER
from frontdesk.call.events import CallEvent
from frontdesk.call.history import NO_RESULT, UNFINISHED
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.older import Older, OlderSummedUp
from frontdesk.call.questions import resumed_id
from frontdesk.call.request import asked_since
from frontdesk.call.turn import Turn
from frontdesk.desk.handoffs import Handoff, Last
from frontdesk.desk.schema import Team
from frontdesk.state.entries import CallState, StoredItem
from frontdesk.team.compacting import Summariser
from frontdesk.team.summary import EARLIER, summary_item
from frontdesk.team.view import View
from frontdesk.tracing import messages, names
from frontdesk.wordless import Words

logger = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds that a summary may take: nobody waits for it."""
AGAIN = 30.0
"""Seconds until the next try when one came to nothing."""
WORTH = 0.25
"""Share of what set it off that a summary must stand for: the prompt cache of the model begins
anew with it."""


class Compaction:
    """Owned by the call; every method runs in its writer."""

    def __init__(
        self,
        live_team: LiveTeam,
        book: CallBook,
        conversation: Conversation,
        clock: Clock,
        post: Callable[[CallEvent], None],
    ) -> None:
        self._team = live_team
        self._book = book
        self._conversation = conversation
        self._clock = clock
        self._post = post
        self._exchanges = _most_given(live_team.loaded.team)
        self._task: asyncio.Task[None] | None = None
        self._rests_until = float("-inf")

    def consider(self, limits: Limits | None, turn: Turn) -> None:
        """An answer was made, in ``turn``, of as much as ``limits`` allow: begin a summary if the
        conversation has come near to them."""
        state = self._book.state
        summariser = self._team.runner.summariser(state.agent)
        busy = self._task is not None or self._clock.now() < self._rests_until
        if summariser is None or limits is None or not limits.drop or busy:
            return
        older = self._older(summariser, limits, turn)
        if older is not None:
            self._task = asyncio.create_task(self._make(older))

    def made(self, event: OlderSummedUp) -> None:
        """A summary is there, or none could be made."""
        self._task = None
        older, text, error = event.older, event.text, event.error
        after: int | None = None
        if text is not None:
            after = older.all_tokens - older.tokens + _tokens(text)
            if after >= older.all_tokens:
                error = "the summary is longer than what it was to stand for"
            elif not _stands(older, self._book.state):
                error = "what it was to stand for was changed meanwhile"
        if error is None and text is not None:
            self._book.record(
                "compacted",
                text=text,
                until=older.until,
                kept=older.kept,
                whole=older.view is None,
            )
        else:
            self._rests_until = self._clock.now() + AGAIN
            why = Words(error)
            logger.warning("call %s is not compacted: %s", self._book.state.call_id, why)
        self._trace(event, after, error)

    def _trace(self, event: OlderSummedUp, after: int | None, error: str | None) -> None:
        """Under the turn after which it was begun."""
        older, text, usage = event.older, event.text, event.usage
        older.turn.trace.record(
            f"{names.COMPACTION} {older.summariser.name}",
            start=older.began,
            end=self._clock.now(),
            attributes={
                names.GEN_AI_REQUEST_MODEL: older.summariser.name,
                names.GEN_AI_USAGE_INPUT_TOKENS: usage.input_tokens,
                names.GEN_AI_USAGE_OUTPUT_TOKENS: usage.output_tokens,
                names.GEN_AI_OUTPUT_MESSAGES: messages.agent(text) if text else None,
                names.VOICE_CONTEXT_ITEMS: len(older.items),
                names.VOICE_CONTEXT_TOKENS_BEFORE: older.all_tokens,
                names.VOICE_CONTEXT_TOKENS_AFTER: after,
            },
            error=error,
        )

    async def aclose(self) -> None:
        """What is not there yet is given up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _make(self, older: Older) -> None:
        text: str | None = None
        error: str | None = None
        usage = Usage()
        try:
            async with asyncio.timeout(PATIENCE):
                items = cast("list[TResponseInputItem]", older.items)
                text, usage = await older.summariser.sum_up(items)
        except TimeoutError:
            error = f"no summary within {PATIENCE:g} s"
        except Exception as problem:
            error = f"{type(problem).__name__}: {problem}"
        self._post(OlderSummedUp(older, text, usage, error))

    def _older(self, summariser: Summariser, limits: Limits, turn: Turn) -> Older | None:
        """What there is to sum up, if it is time and worth it."""
        state, conversation = self._book.state, self._conversation
        view, policy = state.given, summariser.policy
        conversation.catch_up()
        groups = conversation.groups_from(view.before if view else 0)
        tokens = conversation.head_tokens + sum(group.tokens for group in groups)
        if tokens < policy.at * limits.tokens:
            return None
        rest = self._rest(groups, policy.keep, summariser.room - conversation.head_tokens)
        summary, kept_before = conversation.head[:1], conversation.head[1:]
        open_calls = _open_calls(state)
        covered = [*kept_before, *groups[:rest]]
        kept = [group for group in covered if group.calls and _is_open(group, open_calls)]
        told = [group for group in covered if group not in kept]
        gone = sum(group.tokens for group in told)
        if gone < WORTH * policy.at * limits.tokens:
            return None
        begin, end = view.before if view else 0, groups[rest].places[0]
        items = [item for group in told for item in group.items]
        if view is not None and view.history == "none":
            shown = View("none", 0, view.handed).of(cast("list[TResponseInputItem]", items))
            items = cast("list[Item]", shown)
        return Older(
            summariser,
            view,
            [*(item for group in summary for item in group.items), *items],
            state.items[end - 1].item["id"],
            _ids(kept, state.items[begin:end]),
            [_standing(stored) for stored in state.items[begin:end]],
            gone + sum(group.tokens for group in summary),
            tokens,
            turn,
            self._clock.now(),
        )

    def _rest(self, groups: list[Group], keep: int, room: int) -> int:
        """The group that the part begins with which stays word for word: with something the caller
        said, what is still to be answered in it, and as much as a handoff may give. What comes
        before it has no more tokens than there is ``room`` for."""
        since = asked_since(self._book.state)
        items = exchanges = 0
        for at in range(len(groups) - 1, 0, -1):
            group = groups[at]
            items += len(group.items)
            if not group.asks or groups[at - 1].asks:
                continue
            exchanges += 1
            enough = items >= keep and exchanges >= self._exchanges and group.places[0] <= since
            if enough and group.before - groups[0].before <= room:
                return at
        return 0


def _most_given(team: Team) -> int:
    """The most exchanges that a handoff of the team gives."""
    edges = [edge for agent in team.agents.values() for edge in agent.handoffs]
    given = [edge.history for edge in edges if isinstance(edge, Handoff)]
    return max((history.last for history in given if isinstance(history, Last)), default=0)


def _open_calls(state: CallState) -> tuple[set[str], list[str]]:
    """Ids of the calls that somebody is still to decide, and of the work that still goes on or is
    still to be told of."""
    waiting = [question for question in state.questions if not question["resumed"]]
    ids = {question["call_id"] for question in waiting} | {*map(resumed_id, waiting)}
    work = [
        known["id"]
        for known in state.delegations.values()
        if known["status"] not in OVER or (known["told"] is None and known["status"] != "cancelled")
    ]
    return ids, work


def _is_open(group: Group, open_calls: tuple[set[str], list[str]]) -> bool:
    """Whether a call of the group has no result yet."""
    ids, work = open_calls
    for item in group.items:
        if item["call_id"] in ids:
            return True
        words = str(item.get("output"))
        if words in _NO_RESULT or any(key in words for key in work):
            return True
    return False


def _ids(kept: list[Group], stored: list[StoredItem]) -> list[str]:
    calls = {item["call_id"] for group in kept for item in group.items}
    items = [one.item for one in stored] if calls else []
    return [item["id"] for item in items if item["id"] in calls or item.get("call_id") in calls]


def _standing(stored: StoredItem) -> tuple[object, ...]:
    return stored, stored.item, stored.heard, stored.withheld


def _stands(older: Older, state: CallState) -> bool:
    """Whether the part is still there as it was, but for what stays seen."""
    if older.view is not None and state.given is not older.view:
        return False
    begin = older.view.before if older.view else 0
    now = state.items[begin : begin + len(older.stands)]
    if len(now) < len(older.stands):
        return False
    return all(
        was[0] is stored and (stored.item["id"] in older.kept or _same(was, _standing(stored)))
        for was, stored in zip(older.stands, now, strict=True)
    )


def _same(was: tuple[object, ...], now: tuple[object, ...]) -> bool:
    return all(a is b for a, b in zip(was, now, strict=True))


def _tokens(text: str) -> int:
    return tokens_of(cast("Item", summary_item(text, EARLIER)))


_NO_RESULT = (NO_RESULT, UNFINISHED)
