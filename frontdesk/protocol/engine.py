"""What the engine (voice and team) tells the protocol core.

Times are milliseconds of *received* input audio since the session began. An event that names a
response which is no longer active is dropped by the core: a late word of a cancelled generation
never reaches the client.
"""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The caller began to speak; prefix padding already taken off ``audio_start_ms``."""

    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The caller's turn is over: the core commits the audio and, if so configured, asks for a
    response."""

    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class TranscriptDelta:
    """More words of the final transcript: they cannot be taken back, so send only settled ones.
    Sending none is fine; the core makes up one delta from the completed transcript.
    ``logprobs`` (token, logprob, bytes) reach a client that asked to include them."""

    item_id: str
    delta: str
    logprobs: list[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class TranscriptCompleted:
    """``seconds`` is the audio's duration: the usage, when the transcriber counts no tokens.
    ``usage`` is its own count, in the shape of ``UsageTranscriptTextUsageTokens``."""

    item_id: str
    transcript: str
    seconds: float
    logprobs: list[dict[str, Any]] | None = None
    usage: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class TranscriptFailed:
    item_id: str
    message: str
    code: str = "transcription_failed"


@dataclass(frozen=True, slots=True)
class ResponseText:
    """Words of the reply: text in a text response, the transcript in an audio response."""

    response_id: str
    delta: str


@dataclass(frozen=True, slots=True)
class ResponseAudio:
    """Audio of the reply, in the response's output format. ``milliseconds`` is its length."""

    response_id: str
    audio: bytes
    milliseconds: float


@dataclass(frozen=True, slots=True)
class ResponseFunctionCall:
    """The model calls a function that the *client* declared. ``call_id`` is unique in the
    session. Audio of the words before it comes first: the call closes their message."""

    response_id: str
    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ResponseMcpCall:
    """The model calls a tool of an MCP server that the *client* declared. It runs when the
    response is done, and the client asks for the next response."""

    response_id: str
    server_label: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class McpToolsListed:
    """Answer to ``ListMcpTools``: all that the server has. A tool is a dict in the shape of the
    wire: name, description (a string), input_schema, annotations (if any)."""

    item_id: str
    tools: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class McpToolsFailed:
    """Answer to ``ListMcpTools``: ``message`` is fit for the client."""

    item_id: str
    message: str


@dataclass(frozen=True, slots=True)
class McpCallEnded:
    """Answer to ``RunMcpTool``: the output, or an error in the shape of the wire (type
    ``protocol_error``, ``http_error`` or ``tool_execution_error``)."""

    item_id: str
    output: str | None = None
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that one response has used so far. The core counts the audio of the reply itself."""

    input_text: int = 0
    input_audio: int = 0
    input_image: int = 0
    cached: int = 0
    output_text: int = 0


@dataclass(frozen=True, slots=True)
class ResponseUsage:
    """What a response has used until now, in place of what was said before: it stands in its
    ``response.done`` however it ends."""

    response_id: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class ResponseEnded:
    """The generation is over. ``error`` (code, message, perhaps type) goes with status ``failed``;
    ``reason`` (max_output_tokens, content_filter) with ``incomplete``."""

    response_id: str
    status: Literal["completed", "incomplete", "failed"] = "completed"
    reason: str | None = None
    error: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class AgentSpeaksUp:
    """The agent has something to say that nobody asked for just now: starts a response, if neither
    side is speaking or about to, and the client leaves it to the server when turns are answered.
    Its ``ResponseRequested`` says that it is ``unasked``."""


@dataclass(frozen=True, slots=True)
class AgentTakesLeave:
    """The call has to end: every response is cancelled, and a last one begins that nobody asked
    for, whoever is speaking. Its ``ResponseRequested`` says that it is ``unasked``. A session that
    wants no answers gets none."""


@dataclass(frozen=True, slots=True)
class ItemCut:
    """Answer to ``ItemTruncated``: the item keeps only ``transcript``, the words heard."""

    item_id: str
    transcript: str


@dataclass(frozen=True, slots=True)
class ApprovalWanted:
    """A call of the team's own tool has to be approved by the client's side."""

    question_id: str
    server_label: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ApprovalClosed:
    """It need not be answered any more."""

    question_id: str


@dataclass(frozen=True, slots=True)
class EngineError:
    """Something failed that no response stands for: an ``error`` event, the call goes on.
    ``detail`` is for logs and is not sent."""

    message: str
    code: str = "server_error"
    detail: dict[str, Any] | None = None


EngineEvent = (
    SpeechStarted
    | SpeechStopped
    | TranscriptDelta
    | TranscriptCompleted
    | TranscriptFailed
    | ResponseText
    | ResponseAudio
    | ResponseFunctionCall
    | ResponseMcpCall
    | ResponseUsage
    | ResponseEnded
    | McpToolsListed
    | McpToolsFailed
    | McpCallEnded
    | AgentSpeaksUp
    | AgentTakesLeave
    | ItemCut
    | ApprovalWanted
    | ApprovalClosed
    | EngineError
)
