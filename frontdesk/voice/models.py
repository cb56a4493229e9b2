"""The speech models of a team, chosen by its YAML, the process settings and what is installed."""

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from frontdesk.desk.handoffs import AgentVoice
from frontdesk.desk.schema import SpeechToTextChoice, Team, TextToSpeechChoice, Voice
from frontdesk.settings import ModelSet
from frontdesk.voice.base import EndOfTurn, SpeechToText, TextToSpeech, VoiceActivity
from frontdesk.voice.embedded import silero, smart_turn
from frontdesk.voice.energy import EnergyActivity
from frontdesk.voice.instant.turns import AlwaysFinished
from frontdesk.voice.registry import provider


@dataclass(frozen=True, slots=True)
class VoiceModels:
    """What the calls of a process share: models, and a factory for each call's own ear."""

    stt: SpeechToText
    tts: TextToSpeech
    activity_factory: Callable[[], VoiceActivity]
    end_of_turn: EndOfTurn | None = None
    activity_name: str = "energy"
    stand_ins: tuple[TextToSpeech, ...] = ()
    """Who speaks when ``tts`` fails, in turn."""
    resting: dict[str, float] = field(default_factory=dict[str, float])
    """Until when (unix seconds) a speech model that failed is not asked first, by its name."""

    @property
    def mouths(self) -> tuple[TextToSpeech, ...]:
        """All that can speak, the first choice first."""
        return (self.tts, *self.stand_ins)

    def describe(self) -> dict[str, str]:
        """What is in use, for people."""
        end = self.end_of_turn.name if self.end_of_turn else f"silence only ({smart_turn.MISSING})"
        return {
            "speech to text": self.stt.name,
            "text to speech": ", else ".join(model.name for model in self.mouths),
            "voice activity": self.activity_name,
            "end of turn": end,
        }

    async def warm_up(self) -> None:
        """Load every model and run it once. Raises :class:`~frontdesk.voice.base.SpeechError`."""
        models = (self.stt, *self.mouths, self.end_of_turn)
        await asyncio.gather(*(model.warm_up() for model in models if model is not None))
        self.activity_factory()

    async def aclose(self) -> None:
        """Close what the models hold open, at shutdown."""
        for model in (self.stt, *self.mouths):
            if (close := getattr(model, "aclose", None)) is not None:
                await close()


def build_voice(voice: Voice, model_set: ModelSet = "auto") -> VoiceModels:
    """The models for a team's ``voice`` section.

    ``instant`` replaces every model; another ``model_set`` than ``auto`` stands in for
    ``provider: auto``; ``auto`` is OpenAI when OPENAI_API_KEY or OPENAI_BASE_URL is set, else
    embedded. Raises :class:`~frontdesk.voice.registry.ModelMissing`, which says what to install
    or set."""
    stt: SpeechToText = provider("frontdesk.stt", _resolve(voice.stt, model_set))(voice.stt)
    tts: TextToSpeech = provider("frontdesk.tts", _resolve(voice.tts, model_set))(voice.tts)
    others = tuple(_stand_ins(voice.tts, model_set))
    if model_set == "instant":
        heard = "instant: loudness"
        return VoiceModels(stt, tts, EnergyActivity, AlwaysFinished(), heard, others)
    activity = silero.load()
    end_of_turn = smart_turn.load()
    if activity is None:
        name = f"loudness ({silero.MISSING})"
        return VoiceModels(stt, tts, EnergyActivity, end_of_turn, name, others)
    return VoiceModels(stt, tts, activity, end_of_turn, silero.NAME, others)


def _stand_ins(choice: TextToSpeechChoice, model_set: ModelSet) -> Iterator[TextToSpeech]:
    if (other := choice.fallback) is not None:
        yield provider("frontdesk.tts", _resolve(other, model_set))(other)
        yield from _stand_ins(other, model_set)


def _resolve(choice: SpeechToTextChoice | TextToSpeechChoice, model_set: ModelSet) -> str:
    if model_set == "instant":
        return "instant"
    if choice.provider != "auto":
        return choice.provider
    if model_set != "auto":
        return model_set
    hosted = os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL")
    return "openai" if hosted else "embedded"


def voice_of(team: Team, agent: str) -> AgentVoice:
    """How an agent sounds: as its own section says, and where that is silent, as the team."""
    told = team.agents[agent].voice if agent in team.agents else None
    own = told if isinstance(told, AgentVoice) else AgentVoice(voice=told)
    tts = team.voice.tts
    return AgentVoice(
        voice=own.voice or tts.voice, style=own.style or tts.style, speed=own.speed or tts.speed
    )
