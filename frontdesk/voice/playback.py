"""What the caller has really heard: words against a clock of played audio.

Nothing here reads a clock: ``now`` is any monotonic time in seconds, such as ``loop.time()``.
"""

import re
from dataclasses import dataclass

_WORD = re.compile(r"\s*\S+")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]")
_MS_A_LETTER, _MS_A_SYLLABLE = 65.0, 180.0
"""Usual pace of English letters (150 words a minute) and of Chinese, Japanese and Korean
syllables; used only while a piece's audio is still being made."""


@dataclass(slots=True)
class Piece:
    """A stretch of text and where its audio lies in the utterance, in ms."""

    text: str
    start_ms: float
    end_ms: float
    complete: bool = True


class Utterance:
    """One assistant item: its text, piece by piece, with the audio's times as generated."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []

    def add(self, text: str, start_ms: float, end_ms: float, *, complete: bool = True) -> None:
        """Audio from ``start_ms`` to ``end_ms`` was made for ``text``. More audio for the same
        piece comes with empty ``text``; ``complete`` says that no more will. Raises
        ``ValueError`` when times run backwards."""
        if end_ms < start_ms or start_ms < self.duration_ms:
            raise ValueError(f"audio {start_ms}-{end_ms} ms begins before {self.duration_ms} ms")
        if text or not self.pieces:
            self.pieces.append(Piece(text, start_ms, end_ms, complete))
            return
        self.pieces[-1].end_ms = end_ms
        self.pieces[-1].complete = complete

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def duration_ms(self) -> float:
        """Audio made so far."""
        return self.pieces[-1].end_ms if self.pieces else 0.0

    def text_until(self, ms: float) -> str:
        """The words that end before ``ms`` of the utterance's audio, as written.

        A word is taken to lie in its piece as its letters do in the text."""
        heard: list[str] = []
        for piece in self.pieces:
            if ms < piece.end_ms or not piece.complete:
                heard.append(_words_until(piece, ms))
                break
            heard.append(piece.text)
        return "".join(heard)


def _words_until(piece: Piece, ms: float) -> str:
    length = piece.end_ms - piece.start_ms
    if not piece.complete:
        length = max(length, _usual_ms(piece.text))
    if length <= 0:
        return ""
    letters = len(piece.text.rstrip()) * (ms - piece.start_ms) / length
    end = 0
    for unit in _units(piece.text):
        if end + len(unit) > letters:
            break
        end += len(unit)
    return piece.text[:end]


def _units(text: str) -> list[str]:
    """Words; single characters in scripts written without spaces."""
    words = _WORD.findall(text)
    return [unit for word in words for unit in (word if _spaceless(word) else [word])]


def _spaceless(word: str) -> bool:
    return len(word) > 6 and len(_WIDE.findall(word)) > len(word) / 2


def _usual_ms(text: str) -> float:
    wide = len(_WIDE.findall(text))
    return wide * _MS_A_SYLLABLE + (len(text) - wide) * _MS_A_LETTER


class PlayedClock:
    """The play head of a client which plays in real time from the first chunk it gets, and stops
    when its buffer is empty. One a call; times count all audio that was sent to it."""

    def __init__(self) -> None:
        self._sent = 0.0
        self._run_from = 0.0
        self._run_since = 0.0

    @property
    def sent_ms(self) -> float:
        """Audio sent and not dropped: the place where the next utterance begins."""
        return self._sent

    def sent(self, ms: float, now: float) -> None:
        """A chunk of ``ms`` left for the client. Raises ``ValueError`` for a negative length."""
        if ms < 0:
            raise ValueError(f"a chunk cannot last {ms} ms")
        if self.played_ms(now) >= self._sent:  # the buffer ran empty: playing begins anew
            self._run_from, self._run_since = self._sent, now
        self._sent += ms

    def played_ms(self, now: float) -> float:
        """Audio played until ``now``."""
        return min(self._sent, self._run_from + max(0.0, now - self._run_since) * 1000)

    def remaining_ms(self, now: float) -> float:
        """Audio that waits in the client's buffer."""
        return self._sent - self.played_ms(now)

    def stop(self, now: float) -> float:
        """The client dropped its buffer, as on barge-in. Returns the play head, where the next
        chunk will start."""
        self._sent = self._run_from = self.played_ms(now)
        self._run_since = now
        return self._sent
