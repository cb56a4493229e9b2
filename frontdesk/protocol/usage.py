"""What a response cost, as the client is told it.

Text is counted by the models that read and write it. Audio is counted by its length, at the rates
that OpenAI publishes for the Realtime API: one token for 100 ms of what a user says, one for 50 ms
of what the assistant says (platform.openai.com/docs/guides/realtime-costs).
"""

from math import ceil
from typing import Any

from frontdesk.protocol.engine import Usage

HEARD_MS = 100
SPOKEN_MS = 50
"""Milliseconds of audio in one token."""


def heard_tokens(milliseconds: float) -> int:
    """Tokens of so much user audio."""
    return ceil(milliseconds / HEARD_MS)


def spoken_tokens(milliseconds: float) -> int:
    """Tokens of so much assistant audio."""
    return ceil(milliseconds / SPOKEN_MS)


def usage_object(usage: Usage, spoken_ms: float) -> dict[str, Any]:
    """The ``usage`` of ``response.done``; ``spoken_ms`` of audio were sent."""
    spoken = spoken_tokens(spoken_ms)
    inputs = usage.input_text + usage.input_audio + usage.input_image
    outputs = usage.output_text + spoken
    return {
        "total_tokens": inputs + outputs,
        "input_tokens": inputs,
        "output_tokens": outputs,
        "input_token_details": {
            "text_tokens": usage.input_text,
            "audio_tokens": usage.input_audio,
            "image_tokens": usage.input_image,
            "cached_tokens": usage.cached,
            "cached_tokens_details": {
                "text_tokens": usage.cached,
                "audio_tokens": 0,
                "image_tokens": 0,
            },
        },
        "output_token_details": {
            "text_tokens": usage.output_text,
            "audio_tokens": spoken,
        },
    }
