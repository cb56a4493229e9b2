"""Speech and text as the OpenAI API counts them, in tokens."""

from math import ceil

_HEARD, _SPOKEN = 10, 20
"""Audio tokens a second: one for 100 ms of the user's audio, one for 50 ms of the assistant's, as
the guide on the costs of the Realtime API says."""
_LETTERS = 4
"""UTF-8 bytes in a token of text, about: models here have tokenizers of their own, or none."""


def heard_tokens(seconds: float) -> int:
    return ceil(seconds * _HEARD)


def spoken_tokens(seconds: float) -> int:
    return ceil(seconds * _SPOKEN)


def text_tokens(text: str) -> int:
    return ceil(len(text.encode()) / _LETTERS)
