"""The caller's language: what it is known by, and what is said in it."""

from typing import Any

from frontdesk.call.book import CallBook
from frontdesk.call.ears import language
from frontdesk.desk.handoffs import AgentVoice
from frontdesk.desk.languages import (
    codes,
    goodbye_in,
    is_default,
    lines_in,
    memory_lines_in,
    sounding,
)
from frontdesk.desk.memory import MemoryLines
from frontdesk.desk.schema import Lines, Team
from frontdesk.desk.tongues import code_of, name_of
from frontdesk.voice.base import Transcript
from frontdesk.voice.languages import written_in
from frontdesk.voice.models import VoiceModels
from frontdesk.voice.transcribers import knows

_ENOUGH = 6
"""Letters, or syllables of Hangul and signs of Chinese and Japanese counted twice, with which one
utterance shows a language by itself. Of less ("oui", "네"), two in a row are needed, once another
language was spoken."""


class Tongue:
    """Owned by the call: its writer calls every method; the rest is for whoever makes an answer.

    A session that says what is spoken is believed. Else it is what the caller was last heard to
    speak, of the languages that the team lists, and at first the team's first one."""

    def __init__(self, team: Team, book: CallBook, session: dict[str, Any]) -> None:
        self._team = team
        self._book = book
        self._codes = codes(team)
        self._told: str | None = None
        self._heard_once: str | None = None
        self._asked_for: str | None = None
        self._lines: dict[str | None, Lines] = {}
        self.configure(session)

    @property
    def code(self) -> str | None:
        """As ISO-639-1; None when nobody says what is spoken."""
        if self._told is not None:
            return self._told
        return self._book.state.language or (self._codes[0] if self._codes else None)

    def configure(self, session: dict[str, Any]) -> None:
        """The client may say what is spoken."""
        told = language(session)
        self._told = code_of(told) if told else None

    def heard(self, transcript: Transcript) -> bool:
        """The caller said something; whether that was in another language than before. One odd word
        does not make another language of a call."""
        if len(self._codes) < 2:
            return False
        found = written_in(transcript.text, self._codes) or self._detected(transcript)
        before = self._book.state.language
        if found is None or found == before:
            self._heard_once = None if found else self._heard_once
            return False
        if before is None or found == self._heard_once or _weight(transcript.text) >= _ENOUGH:
            self._heard_once = None
            self._book.record("language", code=found)
            return True
        self._heard_once = found
        return False

    def _detected(self, transcript: Transcript) -> str | None:
        """What the model says, where it was not told to say so."""
        code = transcript.language
        return code if code in self._codes and code != self._asked_for else None

    def asked_of(self, models: VoiceModels) -> str | None:
        """The language that the transcriber is told; None where it is to find out. Where the first
        choice does not know what the caller speaks, it is told, for another to hear."""
        code = self._told or (self._codes[0] if len(self._codes) == 1 else None)
        if code is None and not knows(models.listeners[0], self._book.state.language):
            code = self._book.state.language
        self._asked_for = code
        return code

    @property
    def lines(self) -> Lines:
        """What is said when no model can say it."""
        code = self.code
        if code not in self._lines:
            self._lines[code] = lines_in(self._team, code)
        return self._lines[code]

    @property
    def memory_lines(self) -> MemoryLines:
        """What is said about remembering."""
        return memory_lines_in(self._team, self.code)

    @property
    def goodbye(self) -> str | None:
        """To somebody who says nothing, if it is not as ``voice.idle`` has it."""
        return goodbye_in(self._team, self.code)

    @property
    def blocked(self) -> str | None:
        """What is said for words that are blocked, where a guardrail's own line is in another
        language."""
        return None if self.is_default else self.lines.blocked

    @property
    def is_default(self) -> bool:
        """Whether what the team file says word for word is in this language."""
        return is_default(self._team, self.code)

    def voice(self, own: AgentVoice) -> AgentVoice:
        """How an agent sounds in this language."""
        return sounding(self._team, own, self.code)

    @property
    def note(self) -> str | None:
        """What the model is told, of a team that speaks several languages."""
        code = self.code
        if len(self._codes) < 2 or code is None:
            return None
        return f"The caller speaks {name_of(code)}. Answer in {name_of(code)}."


def _weight(text: str) -> int:
    """Letters, those that are whole syllables or words twice."""
    return sum(1 + (ord(sign) >= 0x2E80) for sign in text if sign.isalpha())
