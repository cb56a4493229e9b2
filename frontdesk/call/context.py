"""How much of a conversation a model is given: its context is bounded, and so is a turn's cost.

Tokens are estimated (:mod:`frontdesk.team.tokens`), with four around each message. An image counts
as GPT-4o counts one of 1024 by 1024 pixels (platform.openai.com/docs/guides/images-vision). What
was spoken counts as its words, since that is what a model is given.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from frontdesk.team.tokens import estimate

Item = dict[str, Any]

LOCAL_ITEMS = 120
"""Items passed to a model of this process, which looks at the newest turns alone: each costs a few
microseconds a step."""

OUTPUT_TOKENS = 4096
"""Kept free for the answer when no limit is set: the most that a Realtime response may be given."""
MARGIN = 0.1
"""Share of the context kept free, as tokens are estimates."""

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

    tokens: int
    items: int | None = None
    retained: float = 1.0
    drop: bool = True


def limits(
    truncation: str | Mapping[str, Any] | None,
    *,
    window: int,
    reserved: int,
    output: int | None = None,
    items: int | None = None,
) -> Limits:
    """What a session's ``truncation`` comes to, for a model with a context of ``window`` tokens of
    which instructions and tools take ``reserved`` and the answer may take ``output``, and that
    looks at so many ``items``."""
    free = round(window * (1 - MARGIN)) - reserved - (output or OUTPUT_TOKENS)
    tokens = max(free, 1)
    if truncation == "disabled":
        return Limits(tokens, drop=False)
    if truncation in (None, "auto"):
        return Limits(tokens, items)
    config = cast("Mapping[str, Any]", truncation)
    further: dict[str, int | None] = config.get("token_limits") or {}
    given = further.get("post_instructions")
    tokens = tokens if given is None else min(tokens, given)
    return Limits(tokens, items, config["retention_ratio"])


def image_tokens(items: Iterable[Mapping[str, Any]]) -> int:
    """Tokens of all images in a model's input."""
    parts = (part for item in items for part in _parts(item))
    return sum(_IMAGE[part.get("detail") or "auto"] for part in parts if "image_url" in part)


def tokens_of(item: Item) -> int:
    """About how many tokens an item of a model's input has."""
    content = item.get("content")
    if isinstance(content, str):  # by far the most
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
