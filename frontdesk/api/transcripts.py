"""A recording's transcript in the formats of the OpenAI API."""

import zlib
from collections.abc import Sequence
from math import log
from typing import Any

from frontdesk.api.usage import transcript_usage
from frontdesk.voice.dictaphone import Heard

_FRAMES = 100
"""Whisper's feature frames in a second, in which ``seek`` counts."""


def whole_text(heard: Sequence[Heard]) -> str:
    return " ".join(piece.transcript.text for piece in heard)


def as_json(heard: Sequence[Heard], seconds: float, *, logprobs: bool) -> dict[str, Any]:
    answer = {"text": whole_text(heard), "usage": transcript_usage(heard, seconds)}
    return answer | ({"logprobs": all_logprobs(heard)} if logprobs else {})


def all_logprobs(heard: Sequence[Heard]) -> list[dict[str, Any]]:
    """How sure the model is of each token."""
    return [token for piece in heard for token in piece.transcript.logprobs or ()]


def as_verbose_json(heard: Sequence[Heard], seconds: float, language: str | None) -> dict[str, Any]:
    """``language`` is what the client said it is."""
    told = language or next((p.transcript.language for p in heard if p.transcript.language), None)
    return {
        "task": "transcribe",
        "language": told or "und",
        "duration": round(seconds, 3),
        "text": whole_text(heard),
        "segments": [_segment(number, piece) for number, piece in enumerate(heard)],
        "usage": {"type": "duration", "seconds": round(seconds, 3)},
    }


def as_srt(heard: Sequence[Heard]) -> str:
    """SubRip: numbered, with a comma in its times."""
    cues = [
        f"{number}\n{_times(piece, ',')}\n{piece.transcript.text}\n"
        for number, piece in enumerate(heard, 1)
    ]
    return "\n".join(cues)


def as_vtt(heard: Sequence[Heard]) -> str:
    """WebVTT."""
    cues = [f"{_times(piece, '.')}\n{_escaped(piece)}\n" for piece in heard]
    return "\n".join(["WEBVTT\n", *cues])


def _segment(number: int, piece: Heard) -> dict[str, Any]:
    """``avg_logprob`` is 0 where the model gives no confidence, and ``tokens`` are none, as the
    models here do not tell them. ``compression_ratio`` is Whisper's: bytes over bytes by zlib."""
    text = piece.transcript.text.encode()
    confidence = piece.transcript.confidence
    return {
        "id": number,
        "seek": round(piece.start * _FRAMES),
        "start": round(piece.start, 3),
        "end": round(piece.end, 3),
        "text": piece.transcript.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": log(max(confidence, 1e-6)) if confidence is not None else 0.0,
        "compression_ratio": len(text) / len(zlib.compress(text)),
        "no_speech_prob": round(1 - piece.activity, 3),
    }


def _times(piece: Heard, point: str) -> str:
    return f"{_time(piece.start, point)} --> {_time(piece.end, point)}"


def _time(seconds: float, point: str) -> str:
    whole, ms = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{ms:03}"


def _escaped(piece: Heard) -> str:
    return piece.transcript.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
