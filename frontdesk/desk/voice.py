"""A team's ``voice``: what hears callers, what speaks to them, and when their turn is over."""

from typing import Literal

from pydantic import Field, SecretStr

from frontdesk.desk.idle import Idle
from frontdesk.desk.noise import EchoRule, NoiseReduction
from frontdesk.desk.realtime import Engine, Realtime
from frontdesk.desk.section import Duration, Section

Provider = Literal["auto", "embedded", "openai", "openai-compatible", "instant"]


class SpeechToTextChoice(Section):
    """The model that turns the caller's speech into text."""

    provider: Provider = "auto"
    model: str | None = None
    base_url: str | None = None
    api_key: SecretStr | None = None
    language: str | None = Field(default=None, description="ISO-639-1 code, such as en or ko.")
    stream: bool | None = Field(
        default=None,
        description="Whether the sound is sent as it is spoken, over a Realtime transcription "
        "socket. Default: for the models that work so, gpt-realtime-whisper and "
        "gpt-live-transcribe.",
    )
    timeout: Duration | None = Field(
        default=None,
        gt=0,
        description="Longest wait for the words of a turn before the fallback is asked. Default: "
        "3s where there is one, else budgets.words.",
    )
    fallback: "SpeechToTextChoice | None" = Field(
        default=None, description="Who hears when this one fails, in the same form."
    )


class TextToSpeechChoice(Section):
    """The model that speaks, and its voice."""

    provider: Provider = "auto"
    model: str | None = None
    base_url: str | None = None
    api_key: SecretStr | None = None
    voice: str | None = Field(default=None, description="The voice's name at the provider.")
    style: str | None = Field(default=None, description="How to speak, in plain words.")
    speed: float = Field(default=1.0, ge=0.25, le=1.5)
    fallback: "TextToSpeechChoice | None" = Field(
        default=None, description="Who speaks when this one fails, in the same form."
    )


class TurnDetection(Section):
    """When the caller's turn is over."""

    type: Literal["server_vad", "semantic_vad"] = Field(
        default="semantic_vad", description="By silence alone, or by a model of finished sentences."
    )
    threshold: float = Field(default=0.5, ge=0, le=1, description="Speech probability that counts.")
    prefix_padding_ms: int = Field(default=300, ge=0, le=2000)
    silence_duration_ms: int = Field(default=500, ge=100, le=5000)
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"


class Voice(Section):
    """The team's ear and mouth."""

    stt: SpeechToTextChoice = SpeechToTextChoice()
    tts: TextToSpeechChoice = TextToSpeechChoice()
    engine: Engine = Field(
        default="chain",
        description="Who answers: the agents' models between stt and tts, or one speech-to-speech "
        "model, with the same agents, tools and guardrails around it.",
    )
    realtime: Realtime = Realtime()
    turn_detection: TurnDetection = TurnDetection()
    noise_reduction: NoiseReduction | None = Field(
        default=None, description="What is taken out of the caller's sound; default: nothing."
    )
    echo_guard: EchoRule = Field(
        default="auto",
        description="Keeps the agent's voice, heard back from a loudspeaker, from counting as the "
        "caller's. auto: once an echo was noticed; on: from the first sound on, which is made "
        "silent until it is known whose it is; off.",
    )
    speculation: bool = Field(
        default=True,
        description="Whether an answer is begun when the caller has probably finished, before that "
        "is sure. It is heard sooner; what models did for one that is taken back costs what they "
        "cost.",
    )
    idle: Idle | None = Field(
        default=None, description="What becomes of a caller who says nothing; default: nothing."
    )
