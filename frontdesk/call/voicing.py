"""The speech of one turn as its trace: a span for each clause that a speech model made."""

from collections.abc import Mapping
from dataclasses import dataclass

from frontdesk.call.clock import Clock
from frontdesk.tracing import messages, names
from frontdesk.tracing.calls import TurnTrace
from frontdesk.voice.base import OUTPUT_RATE
from frontdesk.voice.speaker import Spoken


@dataclass(slots=True)
class _Clause:
    """Speech of one clause under way. Unix seconds; ``samples`` made so far."""

    text: str
    agent: str
    asked: float
    first: float
    cached: bool
    samples: int = 0


class Voicing:
    """Told by whoever speaks. ``tts`` is the model that speaks where nobody says otherwise."""

    def __init__(self, trace: TurnTrace, clock: Clock, tts: str) -> None:
        self._trace = trace
        self._clock = clock
        self._tts = tts
        self._mouths: dict[str, tuple[str, str | None]] = {}
        self._asked: float | None = None
        self._clause: _Clause | None = None

    def asks(self, agent: str, model: str, voice: str | None, at: float) -> None:
        """A speech model is asked for an agent's next clause, in its voice there."""
        self._mouths[agent] = model, voice
        self._asked = at

    def failed(self, text: str, model: str, error: str, *, agent: str, asked: float) -> None:
        """A speech model could not say ``text``, or not to its end; another try may."""
        self._asked = None
        self._record(model, text, agent, asked, {}, error)

    def spoke(self, spoken: Spoken, agent: str) -> None:
        """A stretch of speech was made."""
        if spoken.first_of_clause:
            now = self._clock.now()
            asked, self._asked = self._asked, None
            self._clause = _Clause(spoken.text, agent, asked or now, now, cached=asked is None)
        if self._clause:
            self._clause.samples += len(spoken.audio)
        if spoken.last_of_clause:
            self.end()

    def end(self) -> None:
        """The clause under way is said, or will not be said to its end."""
        clause, self._clause = self._clause, None
        if clause is None or not clause.samples:  # without a word in it
            return
        model, voice = self._mouths.get(clause.agent, (self._tts, None))
        made = {
            names.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: clause.first - clause.asked,
            names.VOICE_AUDIO_DURATION: clause.samples / OUTPUT_RATE,
            names.GEN_AI_SPEECH_VOICE: voice,
            names.VOICE_SPEECH_CHARACTERS: None if clause.cached else len(clause.text),
            names.VOICE_SPEECH_CACHED: clause.cached or None,
        }
        self._record(model, clause.text, clause.agent, clause.asked, made)

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
