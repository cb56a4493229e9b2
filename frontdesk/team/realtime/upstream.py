"""The realtime model that a team names: where it is, and how to get at it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from agents.realtime import (
    OpenAIRealtimeWebSocketModel,
    RealtimeModel,
    RealtimeModelConfig,
    RealtimeSessionModelSettings,
)

from frontdesk.desk.handoffs import AgentVoice
from frontdesk.desk.realtime import MODEL, Realtime
from frontdesk.desk.schema import Team
from frontdesk.team.circuit import Circuit

OPENAI = "wss://api.openai.com/v1"
AUDIO = {"type": "audio/pcm", "rate": 24_000}
COOLDOWN = 15.0
"""Seconds that a model which cannot be reached is not tried again, where others answer."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """Shared by the calls of a team. ``dial`` gives a model that is not connected yet, ``config``
    is what to connect it with. ``transcription`` is the model there whose words of the caller are
    taken. ``falls_back``: the agents' own models answer where it cannot."""

    provider: str
    model: str
    voice: str
    config: RealtimeModelConfig
    dial: Callable[[], RealtimeModel] = OpenAIRealtimeWebSocketModel
    transcription: str | None = None
    falls_back: bool = True
    circuit: Circuit = field(default_factory=Circuit)

    @property
    def name(self) -> str:
        """Provider and model, as printed at start and written in traces."""
        return f"{self.provider}: {self.model}, voice {self.voice}"


def upstream_of(choice: Realtime, environ: Mapping[str, str]) -> Upstream:
    """The model of ``voice.realtime``. Raises ``ValueError`` when there is no key for it."""
    key = choice.api_key.get_secret_value() if choice.api_key else environ.get("OPENAI_API_KEY")
    if not key and choice.provider == "openai":
        raise ValueError("no API key: set OPENAI_API_KEY, or api_key in the team file")
    model = choice.model or MODEL
    config: RealtimeModelConfig = {
        "api_key": key or "none",
        "url": _address(choice.base_url or OPENAI, model),
        "initial_model_settings": session_of(choice, model),
    }
    return Upstream(
        choice.provider,
        model,
        choice.voice,
        config,
        transcription=choice.transcription,
        falls_back=choice.fallback == "chain",
    )


def style_of(team: Team, agent: str) -> str | None:
    """How an agent is to sound, in plain words."""
    own = team.agents[agent].voice
    style = own.style if isinstance(own, AgentVoice) else None
    return style or team.voice.tts.style


def hears(team: Team) -> bool:
    """Whether the model may hear the caller: not where guardrails take out of the words what no
    model must get."""
    used = [team.defaults.guardrails.input]
    used += [agent.guardrails.input for agent in team.agents.values()]
    names = {name for listed in used for name in listed}
    return not any(team.guardrails[name].mode == "replace" for name in names)


def session_of(choice: Realtime, model: str) -> RealtimeSessionModelSettings:
    """What all sessions upstream have in common: turns are found by us, and OpenAI keeps no traces
    of its own."""
    transcription: Any = {"model": choice.transcription} if choice.transcription else None
    return {
        "model_name": model,
        "tracing": None,
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": AUDIO,
                "transcription": transcription,
                "turn_detection": None,
                "noise_reduction": None,
            },
            "output": {"format": AUDIO, "voice": choice.voice},
        },
    }


def _address(base_url: str, model: str) -> str:
    parts = urlsplit(base_url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    query = "&".join(filter(None, (parts.query, urlencode({"model": model}))))
    return urlunsplit((scheme, parts.netloc, f"{parts.path.rstrip('/')}/realtime", query, ""))
