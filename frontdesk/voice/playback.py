"""What the caller has really heard: words against a clock of played audio.

Nothing here reads a clock: ``now`` is any monotonic time in seconds, such as ``loop.time()``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from frontdesk.voice.g711 import Pcm
from frontdesk.voice.timing import WIDE, Word, units, words

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


@dataclass(frozen=True, slots=True)
class Place:
    """Between two words: after so many characters of the text, and where the next word begins."""

    characters: int
    ms: float


class Utterance:
    """One assistant item: its text, piece by piece, with the audio's times as generated."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []

    def add(
        self,
        text: str,
        start_ms: float,
        end_ms: float,
        *,
        complete: bool = True,
        goes_on: bool = False,
    ) -> None:
        """Audio from ``start_ms`` to ``end_ms`` was made for ``text``. More audio for the same
        piece comes with empty ``text``, more of its text with ``goes_on``; ``complete`` says that
        no more will. Raises ``ValueError`` when times run backwards."""
        if end_ms < start_ms or start_ms < self.duration_ms:
            raise ValueError(f"audio {start_ms}-{end_ms} ms begins before {self.duration_ms} ms")
        if goes_on and self.pieces and not self.pieces[-1].complete:
            self.pieces[-1].text += text
        elif text or not self.pieces:
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
        """The words that end before ``ms`` of the utterance's audio, as written."""
        return self.text[: self.place(ms).characters]

    def place(self, ms: float, sound: Callable[[float, float], Pcm] | None = None) -> Place:
        """Where the words end that end before ``ms`` of the utterance's audio. ``sound`` gives that
        from one of its ms to another; without, a word lies in its piece as its letters do."""
        characters = 0
        for piece in self.pieces:
            if ms < piece.end_ms or not piece.complete:
                heard = sound(piece.start_ms, piece.end_ms) if sound and piece.complete else None
                if heard is not None and len(heard):
                    spoken = words(piece.text, heard)
                else:
                    spoken = _by_letters(piece)
                return _place(spoken, piece.start_ms, ms, characters)
            characters += len(piece.text)
        return Place(characters, self.duration_ms)

    def after(self, place: "Place") -> Iterator[Piece]:
        """What comes behind a place, its times still those of this utterance."""
        begin = 0
        for piece in self.pieces:
            unheard = piece.text[max(0, place.characters - begin) :]
            begin += len(piece.text)
            if unheard:
                start = min(max(piece.start_ms, place.ms), piece.end_ms)
                yield Piece(unheard, start, piece.end_ms, piece.complete)


def _place(spoken: list[Word], start_ms: float, ms: float, before: int) -> Place:
    """After the last of these words that ends before ``ms``."""
    place = Place(before, start_ms)
    for word in spoken:
        if start_ms + word.end_ms > ms:
            break
        place = Place(before + word.end, start_ms + word.next_ms)
    return place


def _by_letters(piece: Piece) -> list[Word]:
    length = piece.end_ms - piece.start_ms
    if not piece.complete:
        length = max(length, _usual_ms(piece.text))
    if length <= 0:
        return []
    letter = length / max(len(piece.text.rstrip()), 1)
    ends = accumulate(len(unit) for unit in units(piece.text))
    return [Word(end, end * letter, end * letter) for end in ends]


def _usual_ms(text: str) -> float:
    wide = len(WIDE.findall(text))
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
