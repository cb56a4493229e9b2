"""The eleven client events, without the insides of sessions, items and responses."""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from frontdesk.protocol.schema.base import Closed


class Event(Closed):
    type: str
    event_id: Annotated[str, Field(max_length=512)] | None = None


class SessionUpdate(Event):
    session: dict[str, Any]


class AudioAppend(Event):
    audio: str


class ItemCreate(Event):
    item: dict[str, Any]
    previous_item_id: str | None = None


class ItemReference(Event):
    item_id: str


class ItemTruncate(Event):
    item_id: str
    content_index: Annotated[int, Field(ge=0)]
    audio_end_ms: Annotated[int, Field(ge=0)]


class ResponseCancel(Event):
    response_id: str | None = None


class ResponseCreate(Event):
    response: dict[str, Any] | None = None


EVENTS: dict[str, TypeAdapter[Any]] = {
    "session.update": TypeAdapter(SessionUpdate),
    "input_audio_buffer.append": TypeAdapter(AudioAppend),
    "input_audio_buffer.commit": TypeAdapter(Event),
    "input_audio_buffer.clear": TypeAdapter(Event),
    "output_audio_buffer.clear": TypeAdapter(Event),
    "conversation.item.create": TypeAdapter(ItemCreate),
    "conversation.item.retrieve": TypeAdapter(ItemReference),
    "conversation.item.delete": TypeAdapter(ItemReference),
    "conversation.item.truncate": TypeAdapter(ItemTruncate),
    "response.create": TypeAdapter(ResponseCreate),
    "response.cancel": TypeAdapter(ResponseCancel),
}
