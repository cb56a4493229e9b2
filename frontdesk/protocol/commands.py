"""What the protocol core tells its driver to do, in order.

Items, sessions and responses are plain dicts in the shape of ``openai.types.realtime``.
"""

from dataclasses import dataclass
from typing import Any, Literal

Item = dict[str, Any]
CancelReason = Literal["turn_detected", "client_cancelled"]


@dataclass(frozen=True, slots=True)
class Send:
    """Send one server event: a complete JSON text frame, UTF-8."""

    frame: bytes
    type: str


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
    | ResponseCancelled
    | OutputCleared
    | Close
)
