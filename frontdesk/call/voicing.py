"""The speech of one turn as its trace: a span for each clause that a speech model made."""

from collections.abc import Mapping
from dataclasses import dataclass

from frontdesk.call.clock import Clock
from frontdesk.tracing import messages, names
from frontdesk.tracing.calls import TurnTrace
from frontdesk.voice.base import OUTPUT_RATE
from frontdesk.voice.speaker import Spoken


@dataclass(slots=True)
class _Asked:
    """A speech model was asked for a clause. Unix seconds."""

    model: str
    voice: str | None
    style: str | None
    manner: str | None
    at: float
    first: float | None = None


@dataclass(slots=True)
class _Clause:
    """Speech of one clause under way. ``asked`` is None where its sound was kept."""

    text: str
    agent: str
    asked: _Asked | None
    began: float
    samples: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """Words that one agent said, and how many seconds they took."""

    agent: str
    text: str
    seconds: float


class Voicing:
    """Told by whoever speaks. ``tts`` is the model that speaks where nobody says otherwise."""

    def __init__(self, trace: TurnTrace, clock: Clock, tts: str) -> None:
        self._trace = trace
        self._clock = clock
        self._kept = _Asked(tts, None, None, None, 0.0)
        self._last: dict[str, _Asked] = {}
        self._asked: dict[str, _Asked] = {}
        self._clause: _Clause | None = None
        self._said: list[Said] = []

    def asks(
        self,
        line: str,
        agent: str,
        model: str,
        voice: str | None,
        at: float,
        *,
        first: float | None = None,
        style: str | None = None,
        manner: str | None = None,
    ) -> None:
        """A speech model is asked for a line of an agent, in its voice there. Asked ahead, it
        spoke ``first`` before anybody listened. ``manner`` is what a model that cannot read makes
        of ``style``."""
        self._last[agent] = self._asked[line] = _Asked(model, voice, style, manner, at, first)

    def came(self, line: str) -> None:
        """Sound of it came."""
        if (asked := self._asked.get(line)) and asked.first is None:
            asked.first = self._clock.now()

    def failed(self, line: str, model: str, error: str, *, agent: str, asked: float) -> None:
        """A speech model could not say ``line``, or not to its end; another try may."""
        self._asked.pop(line, None)
        self._record(model, line, agent, asked, {}, error)

    def spoke(self, spoken: Spoken, agent: str) -> None:
        """A stretch of speech was made."""
        if spoken.first_of_clause:
            asked = self._asked.pop(spoken.line or "", None)
            now = self._clock.now()
            self._clause = _Clause(spoken.text, agent, asked, asked.at if asked else now)
        if self._clause:
            self._clause.samples += len(spoken.audio)
        if spoken.last_of_clause:
            self.end()

    def end(self) -> None:
        """The clause under way is said, or will not be said to its end."""
        clause, self._clause = self._clause, None
        if clause is None or not clause.samples:  # without a word in it
            return
        self._said.append(Said(clause.agent, clause.text, clause.samples / OUTPUT_RATE))
        asked = clause.asked
        by = asked or self._last.get(clause.agent, self._kept)
        first = (asked.first if asked else None) or clause.began
        made = {
            names.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: first - clause.began,
            names.VOICE_AUDIO_DURATION: clause.samples / OUTPUT_RATE,
            names.GEN_AI_SPEECH_VOICE: by.voice,
            names.VOICE_SPEECH_STYLE: by.style,
            names.VOICE_SPEECH_MANNER: by.manner,
            names.VOICE_SPEECH_CHARACTERS: len(clause.text) if asked else None,
            names.VOICE_SPEECH_CACHED: None if asked else True,
        }
        self._record(by.model, clause.text, clause.agent, clause.began, made)

    def by_agent(self, heard: str, seconds: float) -> list[Said]:
        """What was heard of an item, by who said it, one after another; its words are looked for
        in the order in which they were made. Empty where they are not found."""
        parts: list[Said] = []
        at = 0
        clause = self._clause
        under_way = [Said(clause.agent, clause.text, seconds)] if clause else []
        for said in (*self._said, *under_way):
            rest = heard[at:]
            if not rest.strip():
                break
            found = rest.find(words) if (words := said.text.strip()) else -1
            cut = found < 0 and words.startswith(rest.strip())  # by whoever spoke over it
            if found < 0 and not cut:
                continue  # of another item
            end = len(heard) if cut else at + found + len(words)
            left = seconds - sum(part.seconds for part in parts)
            took = max(0.0, min(said.seconds, left))
            if parts and parts[-1].agent == said.agent:
                last = parts.pop()
                said = Said(said.agent, last.text + heard[at:end], last.seconds + took)
            else:
                said = Said(said.agent, heard[at:end], took)
            parts.append(said)
            at = end
        return parts if not heard[at:].strip() else []

    def _record(
        self,
        name: str,
        text: str,
        agent: str,
        start: float,
        made: Mapping[str, object],
        error: str | None = None,
    ) -> None:
        provider, model = provided(name)
        self._trace.record(
            f"{names.TEXT_TO_SPEECH} {model}",
            start=start,
            end=self._clock.now(),
            attributes={
                names.GEN_AI_OPERATION_NAME: names.TEXT_TO_SPEECH,
                names.GEN_AI_PROVIDER_NAME: provider,
                names.GEN_AI_REQUEST_MODEL: model,
                names.GEN_AI_AGENT_NAME: agent,
                names.GEN_AI_INPUT_MESSAGES: messages.agent(text),
                **made,
            },
            error=error,
        )


def provided(name: str) -> tuple[str | None, str]:
    """Who runs a speech model, and its name there: ``OpenAI: gpt-4o-mini-tts, voice marin``."""
    provider, colon, model = name.partition(": ")
    if not colon:
        return None, name
    return provider.lower(), model.partition(", voice ")[0]
