"""What ``session.update`` and ``response.create`` may configure."""

from typing import Annotated, Any, Literal, cast

from pydantic import Discriminator, Field, Tag, TypeAdapter

from frontdesk.protocol.schema.base import Closed, NonEmpty
from frontdesk.protocol.schema.mcp import ChooseMcp, McpTool

Padding = Annotated[int, Field(ge=0, le=2_000)]
Silence = Annotated[int, Field(ge=100, le=5_000)]
"""Milliseconds, as teams may set them too: what a listener can do."""
ShortText = Annotated[str, Field(min_length=1, max_length=512)]
OutputTokens = Annotated[int, Field(ge=1, le=4096)] | Literal["inf"] | None
Modalities = Annotated[list[Literal["text", "audio"]], Field(min_length=1, max_length=1)] | None


# Audio


class Pcm(Closed):
    type: Literal["audio/pcm"]
    rate: Literal[24000] | None = None


class Pcmu(Closed):
    type: Literal["audio/pcmu"]


class Pcma(Closed):
    type: Literal["audio/pcma"]


Format = Annotated[Pcm | Pcmu | Pcma, Field(discriminator="type")] | None


class ServerVad(Closed):
    type: Literal["server_vad"]
    create_response: bool | None = None
    interrupt_response: bool | None = None
    idle_timeout_ms: Annotated[int, Field(ge=5_000, le=30_000)] | None = None
    prefix_padding_ms: Padding | None = None
    silence_duration_ms: Silence | None = None
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None


class SemanticVad(Closed):
    type: Literal["semantic_vad"]
    create_response: bool | None = None
    interrupt_response: bool | None = None
    eagerness: Literal["low", "medium", "high", "auto"] | None = None


class Transcription(Closed):
    model: str | None = None
    language: str | None = None
    languages: list[str] | None = None
    prompt: str | None = None
    keywords: list[str] | None = None
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class NoiseReduction(Closed):
    type: Literal["near_field", "far_field"] | None = None
    strength: Annotated[float, Field(ge=0, le=1)] | None = None


class AudioInput(Closed):
    format: Format = None
    noise_reduction: NoiseReduction | None = None
    transcription: Transcription | None = None
    turn_detection: Annotated[ServerVad | SemanticVad, Field(discriminator="type")] | None = None


class CustomVoice(Closed):
    id: NonEmpty


class AudioOutput(Closed):
    format: Format = None
    voice: NonEmpty | CustomVoice | None = None
    speed: Annotated[float, Field(ge=0.25, le=1.5)] | None = None


class Audio(Closed):
    input: AudioInput | None = None
    output: AudioOutput | None = None


# Tools and the model


class FunctionTool(Closed):
    type: Literal["function"] | None = None
    name: NonEmpty
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


def _kind(tool: object) -> str:
    """A function may leave out its type. (The tags are no keys of either shape: the name of a bad
    field is found by what of its path is in the input.)"""
    is_mcp = isinstance(tool, dict) and cast(dict[str, Any], tool).get("type") == "mcp"
    return "an MCP tool" if is_mcp else "a function tool"


AnyTool = Annotated[
    Annotated[FunctionTool, Tag("a function tool")] | Annotated[McpTool, Tag("an MCP tool")],
    Discriminator(_kind),
]


class ChooseFunction(Closed):
    type: Literal["function"]
    name: NonEmpty


ToolChoice = (
    Literal["none", "auto", "required"]
    | Annotated[ChooseFunction | ChooseMcp, Field(discriminator="type")]
    | None
)


class Prompt(Closed):
    id: NonEmpty
    version: str | None = None
    variables: dict[str, Any] | None = None


class Reasoning(Closed):
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None


class Tracing(Closed):
    workflow_name: ShortText | None = None
    group_id: ShortText | None = None
    metadata: dict[str, Any] | None = None


class TokenLimits(Closed):
    post_instructions: Annotated[int, Field(ge=0)] | None = None


class RetentionRatio(Closed):
    type: Literal["retention_ratio"]
    retention_ratio: Annotated[float, Field(ge=0, le=1)]
    token_limits: TokenLimits | None = None


# Session


Include = list[Literal["item.input_audio_transcription.logprobs"]] | None


class SessionCopy(Closed):
    """Fields of the server's own copy, which some clients send back. They never change."""

    id: Any = None
    object: Any = None
    expires_at: Any = None
    model: Any = None


class RealtimeSession(SessionCopy):
    type: Literal["realtime"]
    audio: Audio | None = None
    include: Include = None
    instructions: str | None = None
    max_output_tokens: OutputTokens = None
    output_modalities: Modalities = None
    parallel_tool_calls: bool | None = None
    prompt: Prompt | None = None
    reasoning: Reasoning | None = None
    tool_choice: ToolChoice = None
    tools: list[AnyTool] | None = None
    tracing: Literal["auto"] | Tracing | None = None
    truncation: Literal["auto", "disabled"] | RetentionRatio | None = None


class TranscriptionAudio(Closed):
    input: AudioInput | None = None


class TranscriptionSession(SessionCopy):
    type: Literal["transcription"]
    audio: TranscriptionAudio | None = None
    include: Include = None


# Responses


class ResponseAudioOutput(Closed):
    format: Format = None
    voice: NonEmpty | CustomVoice | None = None


class ResponseAudio(Closed):
    output: ResponseAudioOutput | None = None


class ResponseOptions(Closed):
    audio: ResponseAudio | None = None
    conversation: Literal["auto", "none"] | None = None
    input: list[dict[str, Any]] | None = None
    instructions: str | None = None
    max_output_tokens: OutputTokens = None
    metadata: (
        Annotated[
            dict[
                Annotated[str, Field(max_length=64)],
                Annotated[str, Field(max_length=512)],
            ],
            Field(max_length=16),
        ]
        | None
    ) = None
    output_modalities: Modalities = None
    parallel_tool_calls: bool | None = None
    prompt: Prompt | None = None
    reasoning: Reasoning | None = None
    tool_choice: ToolChoice = None
    tools: list[AnyTool] | None = None


SESSIONS: dict[str, TypeAdapter[Any]] = {
    "realtime": TypeAdapter(RealtimeSession),
    "transcription": TypeAdapter(TranscriptionSession),
}
RESPONSE: TypeAdapter[Any] = TypeAdapter(ResponseOptions)
