"""What the protocol core tells its driver to do, in order.

Items, sessions and responses are plain dicts in the shape of ``openai.types.realtime``.
"""

from dataclasses import dataclass
from typing import Any, Literal

from frontdesk.protocol.mcp_server import McpServer

Item = dict[str, Any]
CancelReason = Literal["turn_detected", "client_cancelled"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for a response, and with what: enough to ask for it once more. ``request`` is the
    ``response`` of a client's ``response.create``."""

    by: str
    """client, server (a turn was over) or agent (of its own accord)."""
    request: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """Send one server event: a complete JSON text frame, UTF-8."""

    frame: bytes
    type: str
    event_id: str


@dataclass(frozen=True, slots=True)
class AudioAppended:
    """The client streamed audio, decoded from base64, in the session's input format."""

    audio: bytes


@dataclass(frozen=True, slots=True)
class AudioCleared:
    """The client dropped its uncommitted input audio."""


@dataclass(frozen=True, slots=True)
class AudioCommitted:
    """The input audio so far became the user message ``item_id`` (client commit or turn end).
    ``silent``: by the idle timeout, because nobody spoke."""

    item_id: str
    transcribe: bool
    silent: bool = False


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """The effective session config changed. ``changed`` names dotted fields, for example
    ``audio.input.turn_detection``."""

    session: dict[str, Any]
    changed: frozenset[str]


@dataclass(frozen=True, slots=True)
class ItemAdded:
    """An item entered the default conversation after ``previous_item_id`` (None: at the front).

    A user message that the client made of audio carries it here, as base64 in its content, and
    nowhere else: later copies of the item have only its transcript.
    """

    item: Item
    previous_item_id: str | None
    response_id: str | None = None
    """The response that makes it."""


@dataclass(frozen=True, slots=True)
class ItemChanged:
    """An item of the default conversation reached a new state (status, content, transcript)."""

    item: Item


@dataclass(frozen=True, slots=True)
class ItemDeleted:
    """An item left the conversation."""

    item_id: str


@dataclass(frozen=True, slots=True)
class ItemTruncated:
    """The client heard only ``audio_end_ms`` of this assistant item. The driver answers with
    :class:`frontdesk.protocol.engine.ItemCut`, which carries the words that were heard."""

    item_id: str
    content_index: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class ResponseRequested:
    """Make a response. ``options`` are the effective response options (session values with the
    per-response overrides applied): output_modalities, instructions, tools, tool_choice,
    max_output_tokens, audio (output: format, voice, speed), metadata, prompt, reasoning,
    parallel_tool_calls; ``input`` only when given by the client. ``instructions`` are None
    until a client gives some: the default ones are for show."""

    response_id: str
    options: dict[str, Any]
    input: tuple[Item, ...] | None
    out_of_band: bool
    mcp_tools: tuple["McpTool", ...] = ()
    """Tools of the client's MCP servers that the model may call."""
    unasked: bool = False
    """Neither the caller nor the client asked: the engine wanted to speak up."""
    asked: Asked | None = None


@dataclass(frozen=True, slots=True)
class ResponseWaits:
    """A response was asked for that cannot begin yet; with None, it is not wanted any more."""

    asked: Asked | None


@dataclass(frozen=True, slots=True)
class ResponseOver:
    """A response is over, however it ended: its ``response.done`` follows."""

    response_id: str


@dataclass(frozen=True, slots=True)
class McpTool:
    """A tool of an MCP server that the client declared. ``input_schema`` is a JSON schema."""

    server: McpServer
    name: str
    description: str
    input_schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ListMcpTools:
    """Ask an MCP server that the client declared for its tools, and stay connected to it.

    Answer with ``McpToolsListed`` or ``McpToolsFailed``. ``item_id`` stands for the connection
    from now on.
    """

    item_id: str
    server: McpServer


@dataclass(frozen=True, slots=True)
class DropMcpServer:
    """The connection that the list ``item_id`` stands for is not needed any more, once the calls
    on it are over."""

    item_id: str


@dataclass(frozen=True, slots=True)
class ApprovalAnswered:
    """The client answered an ``ApprovalWanted``."""

    question_id: str
    approve: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class RunMcpTool:
    """Call a tool; answer with ``McpCallEnded``. ``arguments`` are JSON of an object.

    ``list_id`` is the server's list item. ``response_id`` is the response that the model made the
    call in, None when that was before the call was carried on. ``approved``: by the client's word.
    """

    item_id: str
    list_id: str
    name: str
    arguments: str
    response_id: str | None
    approved: bool


@dataclass(frozen=True, slots=True)
class McpCallRefused:
    """A call will not be run, for the reason that its ``error`` gives. ``denied``: by the
    client's word."""

    item: Item
    response_id: str | None
    denied: bool


@dataclass(frozen=True, slots=True)
class ResponseCancelled:
    """Stop making a response. Whatever the engine still says of it is dropped."""

    response_id: str
    reason: CancelReason


@dataclass(frozen=True, slots=True)
class OutputCleared:
    """The client asked to drop output audio that was not yet played (WebRTC, phone)."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection after what was sent before."""

    code: int
    reason: str


Command = (
    Send
    | AudioAppended
    | AudioCleared
    | AudioCommitted
    | SessionChanged
    | ItemAdded
    | ItemChanged
    | ItemDeleted
    | ItemTruncated
    | ResponseRequested
    | ResponseWaits
    | ResponseCancelled
    | ResponseOver
    | ListMcpTools
    | DropMcpServer
    | ApprovalAnswered
    | RunMcpTool
    | McpCallRefused
    | OutputCleared
    | Close
)
