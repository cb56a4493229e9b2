"""How much of a conversation a model is given: its context is bounded, and so is a turn's cost.

Tokens are estimated, as a tokenizer is another for each model: four bytes of UTF-8 a token, which
OpenAI gives as the rule of thumb for English and which is near enough for Korean or Chinese (three
bytes and about 0.7 tokens a character), and four tokens around each message. An image counts as
GPT-4o counts one of 1024 by 1024 pixels (platform.openai.com/docs/guides/images-vision).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

Item = dict[str, Any]

MAX_ITEMS = 120
"""Items passed to a model: each costs a few microseconds a step, here and in its converters. The
log keeps everything."""

OUTPUT_TOKENS = 4096
"""Kept free for the answer when no limit is set: the most that a Realtime response may be given."""
MARGIN = 0.1
"""Share of the context kept free, as tokens are estimates and tool lists are not counted."""

_AROUND = 4
_IMAGE = {"low": 85, "high": 765, "auto": 765}


class ContextTooLong(Exception):
    """The conversation does not fit, and the session says that nothing may be left out."""

    def __init__(self, tokens: int, limit: int) -> None:
        super().__init__(
            f"The conversation has about {tokens} tokens, {limit} fit, and session.truncation is "
            "disabled: delete items, or allow truncation."
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be passed to a model. Beyond ``tokens`` or ``items`` the oldest go, until the
    ``retained`` share of the limit is left; None in ``items`` means any number. ``drop`` False
    refuses instead."""

    tokens: int = 128_000
    items: int | None = MAX_ITEMS
    retained: float = 1.0
    drop: bool = True


def limits(
    truncation: str | Mapping[str, Any] | None,
    *,
    window: int,
    reserved: int,
    output: int | None = None,
) -> Limits:
    """What a session's ``truncation`` comes to, for a model with a context of ``window`` tokens
    of which instructions take ``reserved`` and the answer may take ``output``."""
    free = round(window * (1 - MARGIN)) - reserved - (output or OUTPUT_TOKENS)
    tokens = max(free, 1)
    if truncation == "disabled":
        return Limits(tokens, items=None, drop=False)
    if truncation in (None, "auto"):
        return Limits(tokens)
    config = cast("Mapping[str, Any]", truncation)
    further: dict[str, int | None] = config.get("token_limits") or {}
    given = further.get("post_instructions")
    tokens = tokens if given is None else min(tokens, given)
    return Limits(tokens, retained=config["retention_ratio"])


def fitted(items: list[Item], limits: Limits) -> list[Item]:
    """The newest items that fit, a call never parted from its output. Raises
    :class:`ContextTooLong` when they must all fit and do not.

    The cut is found by living through the conversation from its start, so it stays where it is
    until the limit is reached again: what a model has in its prompt cache keeps its beginning.
    """
    groups = _groups(items)
    if not limits.drop and (total := sum(group.tokens for group in groups)) > limits.tokens:
        raise ContextTooLong(total, limits.tokens)
    start = tokens = count = 0
    for end, group in enumerate(groups):
        tokens += group.tokens
        count += len(group.items)
        if tokens <= limits.tokens and (limits.items is None or count <= limits.items):
            continue
        while start < end and not _may_begin(groups[start], tokens, count, limits):
            tokens -= groups[start].tokens
            count -= len(groups[start].items)
            start += 1
    return [item for group in groups[start:] for item in group.items]


def image_tokens(items: Iterable[Mapping[str, Any]]) -> int:
    """Tokens of all images in a model's input."""
    parts = (part for item in items for part in _parts(item))
    return sum(_IMAGE[part.get("detail") or "auto"] for part in parts if "image_url" in part)


def estimate(text: str) -> int:
    """About how many tokens a text has."""
    return -(-(len(text) if text.isascii() else len(text.encode())) // 4)


@dataclass(slots=True)
class _Group:
    """Items that stay together: a message, or calls made side by side with their outputs."""

    items: list[Item]
    tokens: int
    asks: bool


def _may_begin(group: _Group, tokens: int, count: int, limits: Limits) -> bool:
    """Whether a conversation cut to this group is short enough, and begins with the caller."""
    fits = tokens <= limits.tokens * limits.retained
    short = limits.items is None or count <= limits.items * limits.retained
    return fits and short and group.asks


def _groups(items: list[Item]) -> list[_Group]:
    groups: list[_Group] = []
    run: _Group | None = None
    ended = False
    for item in items:
        kind = item.get("type")
        tokens = _tokens(item)
        if kind not in ("function_call", "function_call_output"):
            run = None
            groups.append(_Group([item], tokens, item.get("role") == "user"))
            continue
        if run is None or (kind == "function_call" and ended):
            run = _Group([], 0, asks=False)
            groups.append(run)
        ended = kind == "function_call_output"
        run.items.append(item)
        run.tokens += tokens
    return groups


def _tokens(item: Item) -> int:
    content = item.get("content")
    if isinstance(content, str):  # by far the most, and all of a call are counted at each turn
        return _AROUND + estimate(content)
    words = [item.get(name) for name in ("content", "name", "arguments", "output")]
    text = sum(estimate(word) for word in words if isinstance(word, str))
    parts = sum(estimate(part["text"]) for part in _parts(item) if "text" in part)
    return _AROUND + text + parts + image_tokens((item,))


def _parts(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parts of a content or of an output that is a list."""
    for name in ("content", "output"):
        found = item.get(name)
        if isinstance(found, list):
            return [part for part in cast("list[Any]", found) if isinstance(part, dict)]
    return []
