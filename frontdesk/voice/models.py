"""The speech models of a team, chosen by its YAML, the process settings and what is installed."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass

from frontdesk.desk.schema import SpeechToTextChoice, TextToSpeechChoice, Voice
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

    def describe(self) -> dict[str, str]:
        """What is in use, for people."""
        end = self.end_of_turn.name if self.end_of_turn else f"silence only ({smart_turn.MISSING})"
        return {
            "speech to text": self.stt.name,
            "text to speech": self.tts.name,
            "voice activity": self.activity_name,
            "end of turn": end,
        }

    async def warm_up(self) -> None:
        """Load every model and run it once. Raises :class:`~frontdesk.voice.base.SpeechError`."""
        models = (self.stt, self.tts, self.end_of_turn)
        await asyncio.gather(*(model.warm_up() for model in models if model is not None))
        self.activity_factory()

    async def aclose(self) -> None:
        """Close what the models hold open, at shutdown."""
        for model in (self.stt, self.tts):
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
    if model_set == "instant":
        return VoiceModels(stt, tts, EnergyActivity, AlwaysFinished(), "instant: loudness")
    activity = silero.load()
    end_of_turn = smart_turn.load()
    if activity is None:
        return VoiceModels(stt, tts, EnergyActivity, end_of_turn, f"loudness ({silero.MISSING})")
    return VoiceModels(stt, tts, activity, end_of_turn, silero.NAME)


def _resolve(choice: SpeechToTextChoice | TextToSpeechChoice, model_set: ModelSet) -> str:
    if model_set == "instant":
        return "instant"
    if choice.provider != "auto":
        return choice.provider
    if model_set != "auto":
        return model_set
    hosted = os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL")
    return "openai" if hosted else "embedded"
