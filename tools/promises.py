"""What the voice of the shop must not promise: only people may."""

import re

PROMISE = re.compile(
    r"\b(?:i|we)(?:'ll|'d|’ll|’d| will| can| would)\b[^.!?]{0,60}\b"
    r"(?:discount|compensation|compensate|for free)",
    re.IGNORECASE,
)


async def promised(text: str) -> str | None:
    """Whether words that are about to be said promise something that costs money."""
    found = PROMISE.search(text)
    return f"a promise: {found[0]}" if found else None
