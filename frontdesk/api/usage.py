"""What a sound file cost, as the client is told it."""

from collections.abc import Sequence
from typing import Any

from frontdesk.call.context import estimate
from frontdesk.protocol.usage import heard_tokens, spoken_tokens
from frontdesk.voice.dictaphone import Heard

_COUNTS = ("input_tokens", "output_tokens", "total_tokens")


def speech_usage(text: str, seconds: float) -> dict[str, int]:
    """Usage of ``text``, whose speech lasts ``seconds``."""
    return _counts(estimate(text), spoken_tokens(seconds * 1000))


def transcript_usage(heard: Sequence[Heard], seconds: float) -> dict[str, Any]:
    """What the model counted, if it did for every piece; else the duration."""
    return _counted(heard) or {"type": "duration", "seconds": round(seconds, 3)}


def stream_usage(heard: Sequence[Heard], text: str, seconds: float) -> dict[str, Any]:
    """The same for the end of a stream, which knows tokens only."""
    if counted := _counted(heard):
        return counted
    audio = heard_tokens(seconds * 1000)
    return {
        "type": "tokens",
        **_counts(audio, estimate(text)),
        "input_token_details": {"audio_tokens": audio, "text_tokens": 0},
    }


def _counted(heard: Sequence[Heard]) -> dict[str, Any] | None:
    usages = [piece.transcript.usage for piece in heard if piece.transcript.usage]
    if not usages or len(usages) < len(heard):
        return None
    details = ("audio_tokens", "text_tokens")
    return {
        "type": "tokens",
        **{name: sum(usage[name] for usage in usages) for name in _COUNTS},
        "input_token_details": {
            name: sum(usage["input_token_details"][name] for usage in usages) for name in details
        },
    }


def _counts(inputs: int, outputs: int) -> dict[str, int]:
    return dict(zip(_COUNTS, (inputs, outputs, inputs + outputs), strict=True))
