"""A call's conversation as models take it, kept up with its state.

What an item is to a model, how many tokens it has and where the oldest were last left out is found
once and remembered until something of it changes, so a turn of a long call costs what one of a
short call does.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from frontdesk.call.context import ContextTooLong, Item, Limits, image_tokens, tokens_of
from frontdesk.call.history import NO_RESULT, input_items
from frontdesk.call.seam import sentences, whole
from frontdesk.state.entries import CallState, Compacted
from frontdesk.team.summary import EARLIER, summary_item

OUTPUT = -1
"""The place of an output: it stands behind its call, wherever it came."""


@dataclass(slots=True)
class Group:
    """Items that stay together: a message, or calls made side by side with their outputs. Each has
    its place in the state; ``before`` and ``count_before`` are the tokens and items ahead."""

    items: list[Item]
    places: list[int]
    asks: bool = False
    calls: bool = False
    tokens: int = 0
    images: int = 0
    before: int = 0
    count_before: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model is given: ``items``, their estimated ``tokens``, and those of their ``images``.
    ``begins``: for each place asked about, where in them that begins which stands in the state from
    there on. ``left_out``: how many items there was no room for."""

    items: list[Item]
    begins: list[int] = field(default_factory=list[int])
    tokens: int = 0
    images: int = 0
    left_out: int = 0


class Conversation:
    """Takes note of the state's changes, so there is one for each state."""

    def __init__(self, state: CallState) -> None:
        self._state = state
        self._sees = True
        self._compacted: Compacted | None = None
        self._outputs: dict[str, Item] = {}
        self._line: list[Group] = []
        self._head: list[Group] = []
        """The summary of what came before, and what is seen beside it."""
        self._head_at = 0
        """The number of groups ahead of the summary."""
        self._head_tokens = self._head_count = 0
        self._limits: Limits | None = None
        self._starts: list[int] = []
        """For each group of the line, the oldest one left when it was the newest."""

    def seen(self, limits: Limits, *, sees: bool = True, places: Iterable[int] = ()) -> Seen:
        """The conversation for a model that takes so much, and ``sees`` images or is told of them
        in words. What does not fit is left out, the oldest first; a call is never parted from its
        output, and a summary stays at the front.

        The cut is found by living through the conversation from its start, so it stays where it is
        until the limit is reached again: what a model has in its prompt cache keeps its beginning.
        Raises :class:`~frontdesk.call.context.ContextTooLong` when all must fit and do not.
        """
        self._keep_up(sees=sees, whole=not limits.drop)
        start = self._cut(limits)
        groups, tokens = self._line[start:], self._tokens(start, len(self._line))
        if self._head and tokens > limits.tokens:  # the newest item alone fills the room
            tokens -= self._head_tokens
        elif self._head:
            at = max(self._head_at - start, 0)
            groups[at:at] = self._head
        return Seen(
            [item for group in groups for item in group.items],
            [_begin(groups, place) for place in places],
            tokens,
            sum([group.images for group in groups]),
            self._line[start].count_before if self._line else 0,
        )

    def catch_up(self) -> None:
        """Have what follows tell of now; else it is as of the last look."""
        self._keep_up(sees=self._sees)

    @property
    def head(self) -> list[Group]:
        """The summary, and what is seen beside it."""
        return self._head

    @property
    def head_tokens(self) -> int:
        """Tokens of those."""
        return self._head_tokens

    def groups_from(self, place: int) -> list[Group]:
        """What no summary stands for, from this place in the state on."""
        return self._line[bisect_left(self._line, place, key=lambda group: group.places[0]) :]

    # Keeping up

    def _keep_up(self, *, sees: bool, whole: bool = False) -> None:
        """Take note of what changed. ``whole``: without any summary."""
        state, given = self._state, self._state.given
        changed = state.changed_from()
        compacted = None if whole else given.compacted if given else state.compacted
        changed = self._answered_from(changed)
        behind = compacted.before if compacted else 1
        if sees != self._sees or compacted is not self._compacted or changed < behind:
            self._sees, self._compacted = sees, compacted
            self._begin_anew(compacted, given.before if given else 0)
        elif changed < len(state.items) or self._is_longer(len(state.items)):
            self._go_on(changed)

    def _is_longer(self, items: int) -> bool:
        """Whether there was more a moment ago: what was only supposed."""
        return bool(self._line) and max(self._line[-1].places) >= items

    def _answered_from(self, changed: int) -> int:
        """Where the first call stands that is, or whose output came, at ``changed`` or later."""
        items, first = self._state.items, changed
        for place in range(changed, len(items)):
            item = items[place].item
            if item.get("type") == "function_call_output":
                first = min(first, self._call(item["call_id"], place))
        return first

    def _call(self, call_id: str, output: int) -> int:
        items = self._state.items
        for place in range(output - 1, -1, -1):
            item = items[place].item
            if item.get("call_id") == call_id and item.get("type") == "function_call":
                return place
        return output

    def _begin_anew(self, compacted: Compacted | None, base: int) -> None:
        """``base``: where in the state that begins which a summary may stand for."""
        self._line, self._head, self._head_at = [], [], 0
        self._starts.clear()
        self._outputs.clear()
        self._head_tokens = self._head_count = 0
        if compacted is None:
            self._add(range(len(self._state.items)))
            return
        self._add(range(base))
        self._head_at = len(self._line)
        self._add(range(compacted.before, len(self._state.items)))
        text = cast("Item", summary_item(compacted.text, EARLIER))
        kept = self._places(compacted.kept, compacted.before)
        self._head = [Group([text], [base], tokens=tokens_of(text)), *self._made(kept)]
        self._head_tokens = sum(group.tokens for group in self._head)
        self._head_count = sum(len(group.items) for group in self._head)

    def _places(self, ids: Sequence[str], before: int) -> list[int]:
        items = self._state.items[:before] if ids else []
        return [place for place, stored in enumerate(items) if stored.item.get("id") in ids]

    def _go_on(self, changed: int) -> None:
        line = self._line
        while line and max(line[-1].places) >= changed:
            changed = min(changed, line.pop().places[0])
        if line and line[-1].calls:  # what comes now may have been called beside these
            changed = line.pop().places[0]
        del self._starts[len(line) :]
        self._add(range(changed, len(self._state.items)))

    def _add(self, places: Sequence[int]) -> None:
        last = self._line[-1] if self._line else None
        before = last.before + last.tokens if last else 0
        count = last.count_before + len(last.items) if last else 0
        for group in self._made(places):
            group.before, group.count_before = before, count
            before, count = before + group.tokens, count + len(group.items)
            self._line.append(group)

    def _made(self, places: Sequence[int]) -> list[Group]:
        """The items at ``places`` as a model takes them. Outputs right behind their calls, and one
        made up for a call that has none yet, as models refuse an orphan."""
        groups: list[Group] = []
        run: Group | None = None  # calls made side by side stay side by side
        places, stretches = sentences(self._state.items, places)
        for place in places:
            found = input_items(self._state.items[place], self._sees)
            if (earlier := stretches.get(place)) and found:
                found = whole(self._state.items, earlier, found)
            for item in found:
                match item.get("type"):
                    case "function_call_output":
                        self._outputs[item["call_id"]] = item
                        run = None
                    case "function_call":
                        if run is None:
                            run = Group([], [], calls=True)
                            groups.append(run)
                        run.items.append(item)
                        run.places.append(place)
                    case _:
                        run = None
                        groups.append(Group([item], [place], item.get("role") == "user"))
        for group in groups:
            if group.calls:
                group.items += [self._output(call["call_id"]) for call in group.items]
                group.places += [OUTPUT] * len(group.places)
            group.tokens = sum(map(tokens_of, group.items))
            group.images = image_tokens(group.items)
        return groups

    def _output(self, call_id: str) -> Item:
        missing = {"type": "function_call_output", "call_id": call_id, "output": NO_RESULT}
        return self._outputs.get(call_id, missing)

    # The cut

    def _cut(self, limits: Limits) -> int:
        """The oldest group of the line that is left."""
        line, starts = self._line, self._starts
        if not line:
            return 0
        if not limits.drop:
            if (total := self._tokens(0, len(line))) > limits.tokens:
                raise ContextTooLong(total, limits.tokens)
            return 0
        if limits != self._limits:
            self._limits = limits
            starts.clear()
        start = starts[-1] if starts else 0
        for end in range(len(starts), len(line)):
            if not self._fits(start, end, limits):
                start = self._shortened(start, end, limits)
            starts.append(start)
        return start

    def _shortened(self, start: int, end: int, limits: Limits) -> int:
        """Where the conversation up to the group ``end`` is short enough and begins with the
        caller; or if it nowhere does, is short enough."""
        line, short = self._line, start
        while short < end and not self._fits(short, end, limits, share=limits.retained):
            short += 1
        asking = (at for at in range(short, end + 1) if line[at].asks)
        return next(asking, short)

    def _fits(self, start: int, end: int, limits: Limits, share: float = 1.0) -> bool:
        if self._tokens(start, end + 1) > limits.tokens * share:
            return False
        if limits.items is None:
            return True
        last = self._line[end]
        count = last.count_before + len(last.items) - self._line[start].count_before
        return count + self._head_count <= limits.items * share

    def _tokens(self, start: int, end: int) -> int:
        """Of the groups from ``start`` to ``end``, and of what stands for those before."""
        if not self._line:
            return self._head_tokens
        last = self._line[end - 1]
        return self._head_tokens + last.before + last.tokens - self._line[start].before


def _begin(groups: list[Group], place: int) -> int:
    """Which item of ``groups`` is the first that stands in the state at ``place`` or later."""
    begin = sum([len(group.items) for group in groups])
    for group in reversed(groups):
        if group.places[0] < place:
            later = (n for n, at in enumerate(group.places) if at >= place)
            return begin - len(group.items) + next(later, len(group.items))
        begin -= len(group.items)
    return begin
