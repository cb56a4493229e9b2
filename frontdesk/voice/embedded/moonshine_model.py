"""The network of Moonshine tiny: 16 kHz samples in, tokens out.

The weights are those in the ``moonshine-voice`` wheel; they are run with onnxruntime, as the other
embedded models are, and not by the wheel's own library. That one always takes two threads and twice
the CPU (154 against 64 ms for 3 s of speech, with the same words), and it cannot be told what is
expected: here the words of an earlier look at the same speech are checked all at once, and only
what was said since is written token by token (8 ms in place of 36, measured).
"""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frontdesk.voice.base import INPUT_RATE, Samples
from frontdesk.voice.embedded.weights import open_session

PACKAGE = "moonshine_voice"
_FOLDER = "assets/tiny-en"
_BEGIN, _END = 1, 2
_LAYERS, _HEADS, _WIDTH = 6, 8, 36
_TOKENS_A_SECOND = 6.5
"""More than people say: beyond it the model repeats itself (the limit of its makers)."""
_PASSES: tuple[str, ...] = tuple(
    f"past_key_values.{layer}.{side}.{part}"
    for layer in range(_LAYERS)
    for side in ("decoder", "encoder")
    for part in ("key", "value")
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said: ``tokens`` of the model's vocabulary and the log probability of each, that of
    the end behind them. ``whole`` is False when the work was given up before the end."""

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    whole: bool


class MoonshineModel:
    """May be used by several threads at once."""

    def __init__(self, folder: Path) -> None:
        self._encoder: Any = open_session(folder / "encoder_model.ort")
        self._decoder: Any = open_session(folder / "decoder_model_merged.ort")
        self._names: list[str] = [output.name for output in self._decoder.get_outputs()][1:]
        self._pieces = _pieces((folder / "tokenizer.bin").read_bytes())

    def hear(
        self,
        samples: Samples,
        expected: Sequence[int] = (),
        given_up: Callable[[], bool] = lambda: False,
    ) -> Heard:
        """Greedy decoding of up to half a minute. ``expected``: tokens that an earlier look at the
        beginning of these samples gave; they change how long it takes, not what comes out.
        ``given_up`` is asked before each step."""
        attention = np.ones((1, len(samples)), np.int64)
        states: NDArray[np.float32] = self._encoder.run(
            None, {"input_values": samples[None], "attention_mask": attention}
        )[0]
        if given_up():
            return Heard((), (), whole=False)
        longest = int(len(samples) / INPUT_RATE * _TOKENS_A_SECOND) + 2
        fixed = {"encoder_hidden_states": states, "encoder_attention_mask": attention}
        return self._written(fixed, list(expected[:longest]), longest, given_up)

    def _written(
        self,
        fixed: dict[str, Any],
        expected: list[int],
        longest: int,
        given_up: Callable[[], bool],
    ) -> Heard:
        empty = np.zeros((1, _HEADS, 0, _WIDTH), np.float32)
        logits, past = self._step([_BEGIN, *expected], fixed, dict.fromkeys(_PASSES, empty))
        of_speech = {name: past[name] for name in _PASSES if ".encoder." in name}
        best: list[int] = logits.argmax(axis=1).tolist()
        right = next((n for n, token in enumerate(expected) if best[n] != token), len(expected))
        tokens = expected[:right]
        sure = [_logprob(logits[n], best[n]) for n in range(right + 1)]
        following = best[right]
        for name in past.keys() - of_speech.keys():
            past[name] = past[name][:, :, : right + 1]
        while following != _END and len(tokens) < longest:
            if given_up():
                return Heard(tuple(tokens), tuple(sure), whole=False)
            tokens.append(following)
            logits, past = self._step([following], fixed, past | of_speech, later=True)
            following = int(logits[0].argmax())
            sure.append(_logprob(logits[0], following))
        return Heard(tuple(tokens), tuple(sure), whole=True)

    def _step(
        self, tokens: list[int], fixed: dict[str, Any], past: dict[str, Any], *, later: bool = False
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        inputs = {
            "input_ids": np.array([tokens], np.int64),
            "use_cache_branch": np.array([later]),
            **fixed,
            **past,
        }
        logits, *present = self._decoder.run(None, inputs)
        names = (name.replace("present", "past_key_values") for name in self._names)
        return logits[0], dict(zip(names, present, strict=True))

    def text(self, tokens: Sequence[int]) -> str:
        """The words of tokens."""
        written = b"".join(self.piece(token) for token in tokens)
        return written.decode("utf-8", "replace").strip()

    def piece(self, token: int) -> bytes:
        """The UTF-8 of one token, which may be part of a character."""
        return self._pieces[token]


def folder() -> Path | None:
    """Where the weights are; None when they are not installed, or the release has none."""
    spec = importlib.util.find_spec(PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (found := Path(place) / _FOLDER).is_dir():
            return found
    return None


def _pieces(table: bytes) -> list[bytes]:
    """The vocabulary: each entry is its length, in a byte or from 128 on in two, and its bytes.
    What stands for no text, such as the end, is empty."""
    pieces: list[bytes] = []
    at = 0
    while at < len(table):
        length, at = table[at], at + 1
        if length >= 128:
            length, at = length - 128 + 128 * table[at], at + 1
        piece, at = table[at : at + length], at + length
        special = len(pieces) <= _END or (piece.startswith(b"<<") and piece.endswith(b">>"))
        pieces.append(b"" if special else piece.replace("\u2581".encode(), b" "))
    return pieces


def _logprob(logits: NDArray[np.float32], token: int) -> float:
    """Of the token of the highest logit."""
    return -float(np.log(np.exp(logits - logits[token]).sum()))
