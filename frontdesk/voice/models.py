"""The speech models of a team, chosen by its YAML, the process settings and what is installed."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from frontdesk.desk.handoffs import AgentVoice
from frontdesk.desk.schema import Team
from frontdesk.desk.voice import SpeechToTextChoice, TextToSpeechChoice, Voice
from frontdesk.settings import ModelSet
from frontdesk.voice import noise
from frontdesk.voice.base import (
    EndOfTurn,
    SpeechError,
    SpeechToText,
    TextToSpeech,
    VoiceActivity,
    runs_elsewhere,
)
from frontdesk.voice.embedded import silero, smart_turn
from frontdesk.voice.energy import EnergyActivity
from frontdesk.voice.instant.turns import AlwaysFinished
from frontdesk.voice.loudness import Levels
from frontdesk.voice.registry import ModelMissing, provider
from frontdesk.voice.transcribers import LONGEST, PATIENCE, REST, TranscriberChain
from frontdesk.warmth import AT_START, FOR_A_CALL, Warmth

SPEECH_TO_TEXT = "speech to text"

_BY_LOUDNESS = f"loudness ({silero.MISSING})"


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
    noise_reduction: str | None = None
    """What reduces noise in the teams' calls, or why nothing does; None where none is wanted."""
    resting: dict[str, float] = field(default_factory=dict[str, float])
    """Until when (unix seconds) a speech model that failed is not asked first, by its name."""
    levels: Levels | None = None
    """How loud the voices are, where they are made even."""
    at_work: set[object] = field(default_factory=set[object])
    """Who speaks to a caller at the moment."""

    warmth: Warmth = field(default_factory=Warmth)

    @property
    def mouths(self) -> tuple[TextToSpeech, ...]:
        """All that can speak, the first choice first."""
        return (self.tts, *self.stand_ins)

    @property
    def listeners(self) -> tuple[SpeechToText, ...]:
        """All that can hear, the first choice first."""
        return self.stt.models if isinstance(self.stt, TranscriberChain) else (self.stt,)

    def describe(self) -> dict[str, str]:
        """What is in use, for people."""
        judge = self.end_of_turn
        end = f"{judge.name}, and the words" if judge else f"words, silence ({smart_turn.MISSING})"
        told = {"noise reduction": self.noise_reduction} if self.noise_reduction else {}
        return {
            SPEECH_TO_TEXT: ", else ".join(model.name for model in self.listeners),
            "text to speech": ", else ".join(model.name for model in self.mouths),
            "voice activity": self.activity_name,
            "end of turn": end,
            **told,
        }

    async def warm_up(self) -> None:
        """Load every model and run it once; of those that others run, open a connection. One that
        cannot be reached is told in the log: it may be by the time somebody calls. Raises
        :class:`~frontdesk.voice.base.SpeechError` for what mends itself never."""
        models = (*self.listeners, *self.mouths, self.end_of_turn)
        here = [model for model in models if model is not None and not runs_elsewhere(model)]
        await asyncio.gather(*(model.warm_up() for model in here))
        self.activity_factory()
        await self._look(AT_START, ModelMissing)

    async def reach(self) -> dict[str, str]:
        """Before a call: have connections open, for a moment at most. Models that cannot be reached
        are not asked first. Returns why, by stage, where there is nobody else to ask."""
        await self._look(FOR_A_CALL)
        down = self.warmth.down
        for model in self.mouths:
            if model.name in down:
                self.resting[model.name] = time.time() + REST
        if isinstance(self.stt, TranscriberChain):
            for model in self.listeners:
                if model.name in down:
                    self.stt.failed(model, SpeechError(down[model.name]))
        stages = {SPEECH_TO_TEXT: self.listeners, "text to speech": self.mouths}
        return {
            stage: "; ".join(down[model.name] for model in models)
            for stage, models in stages.items()
            if all(model.name in down for model in models)
        }

    async def _look(self, seconds: float, *fatal: type[Exception]) -> None:
        remote = [model for model in (*self.listeners, *self.mouths) if runs_elsewhere(model)]
        await self.warmth.look({each.name: each.warm_up for each in remote}, seconds, fatal)

    async def aclose(self) -> None:
        """Close what the models hold open, at shutdown."""
        for model in (*self.listeners, *self.mouths):
            if (close := getattr(model, "aclose", None)) is not None:
                await close()


def build_voice(
    voice: Voice, model_set: ModelSet = "auto", among: Sequence[str] = ()
) -> VoiceModels:
    """The models for a team's ``voice`` section, and for callers who speak the languages ``among``.

    ``instant`` replaces every model; another ``model_set`` than ``auto`` stands in for
    ``provider: auto``; ``auto`` is OpenAI when OPENAI_API_KEY or OPENAI_BASE_URL is set, else
    embedded. Raises :class:`~frontdesk.voice.registry.ModelMissing`, which says what to install
    or set."""
    models = _models(voice, model_set, among)
    if voice.noise_reduction is None:
        return models
    told = noise.NAME if noise.available() else f"none ({noise.MISSING})"
    return replace(models, noise_reduction=told)


def _models(voice: Voice, model_set: ModelSet, among: Sequence[str]) -> VoiceModels:
    stt = _transcriber(voice.stt, model_set, among)
    tts: TextToSpeech = provider("frontdesk.tts", _resolve(voice.tts, model_set))(voice.tts)
    others = tuple(_stand_ins(voice.tts, model_set))
    if model_set == "instant":
        heard = "instant: loudness"
        return VoiceModels(stt, tts, EnergyActivity, AlwaysFinished(), heard, others)
    activity = silero.load()
    end_of_turn = smart_turn.load()
    make, name = (activity, silero.NAME) if activity else (EnergyActivity, _BY_LOUDNESS)
    return VoiceModels(stt, tts, make, end_of_turn, name, others, levels=Levels())


def _transcriber(
    choice: SpeechToTextChoice, model_set: ModelSet, among: Sequence[str]
) -> SpeechToText:
    models: list[tuple[SpeechToText, float]] = []
    each: SpeechToTextChoice | None = choice
    while each is not None:
        model: Any = provider("frontdesk.stt", _resolve(each, model_set))(each)
        if hasattr(model, "among"):
            model.among = tuple(among)
        models.append((model, each.timeout or (PATIENCE if each.fallback else LONGEST)))
        each = each.fallback
    alone = len(models) == 1 and choice.timeout is None
    return models[0][0] if alone else TranscriberChain(models)


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
