"""A sentence that was taken for finished too early, made whole again.

On the wire and in the log its stretches stay what they are: items of their own. Models see them as
one message, without the answer that was begun in between and taken back.
"""

import re
from collections.abc import Sequence
from typing import Any

from frontdesk.call.history import being_made, is_answer, message_text
from frontdesk.state.entries import CallState, StoredItem

_END = re.compile(r"[\s.…。–—-]+$")
_BREAK = re.compile(r"[\s?？!！]+$")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef、。]")
"""Letters of Chinese and Japanese, which put no space between words; Korean does."""
_SMALL = frozenset(
    (
        "a about after and any are as at because before but by can could for from how if in into "
        "is it its my not of on or our please since so than that the their then there these they "
        "this those to too until was we were what when where which while who will with without "
        "would you your"
    ).split()
)
"""English words that go on with a sentence, and that a transcriber writes with a capital where it
takes them for the begin of one. Names are none of them."""


def joined(first: str, second: str) -> str:
    """Two stretches of one sentence, each as the transcriber wrote it: as if it were whole."""
    first, second = first.strip(), second.strip()
    if not (first and second):
        return first or second
    word = second.split(maxsplit=1)[0].rstrip(",.;:?!")
    first = _END.sub("", first) or first
    if word[:1].islower():
        first = _BREAK.sub("", first) or first
    elif word.lower() in _SMALL and not _BREAK.search(first):  # else a question, and another thing
        second = second[:1].lower() + second[1:]
    unspaced = _UNSPACED.match(second) and _UNSPACED.match(first[-1:])
    return first + second if unspaced else f"{first} {second}"


def may_go_on(state: CallState, item_id: str) -> bool:
    """Whether what the caller says now can be the rest of the speech ``item_id``: nothing was said
    since but answers that they did not hear to their end."""
    place = state.index(item_id)
    return place is not None and all(map(_taken_back, state.items[place + 1 :]))


def _taken_back(stored: StoredItem) -> bool:
    item = stored.item
    if stored.hidden or item.get("type") != "message":
        return True
    if item["role"] == "assistant":
        return not (being_made(item) or is_answer(stored))
    return not message_text(item)


def sentences(
    items: Sequence[StoredItem], places: Sequence[int]
) -> tuple[Sequence[int], dict[int, list[int]]]:
    """Of ``places``, those that models see; and by the place of the last stretch of a sentence,
    those of the stretches before it."""
    stretches: dict[int, list[int]] = {}
    unseen: set[int] = set()
    for place in places:
        if items[place].goes_on and (earlier := _earlier(items, place)):
            stretches[place] = earlier
            unseen.update(earlier)
            unseen.update(n for n in range(earlier[-1], place) if _is_agents(items[n]))
    return ([place for place in places if place not in unseen] if unseen else places), stretches


def whole(
    items: Sequence[StoredItem], earlier: Sequence[int], found: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The last stretch of a sentence, as models see it (``found``), with those before it."""
    text = ""
    for place in earlier:
        text = joined(text, message_text(items[place].item))
    return [{**each, "content": joined(text, each["content"])} for each in found]


def _earlier(items: Sequence[StoredItem], place: int) -> list[int]:
    """The stretches that the speech at ``place`` goes on with, as far as there are words."""
    found: list[int] = []
    while items[place].goes_on and _shown(items[place]):
        before = (n for n in range(place - 1, -1, -1) if items[n].item.get("role") == "user")
        place = next((n for n in before if message_text(items[n].item)), -1)
        if place < 0 or not _shown(items[place]):
            break
        found.insert(0, place)
    return found


def _shown(stored: StoredItem) -> bool:
    return not stored.withheld and bool(message_text(stored.item))


def _is_agents(stored: StoredItem) -> bool:
    return stored.item.get("role") == "assistant"
