"""Conversation items that a client may create."""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from frontdesk.protocol.schema.base import Closed, NonEmpty


class Item(Closed):
    id: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    object: Literal["realtime.item"] | None = None
    status: Literal["completed", "incomplete", "in_progress"] | None = None


class InputText(Closed):
    type: Literal["input_text"]
    text: str


class InputAudio(Closed):
    type: Literal["input_audio"]
    audio: str | None = None
    transcript: str | None = None


class InputImage(Closed):
    type: Literal["input_image"]
    image_url: str
    detail: Literal["auto", "low", "high"] | None = None


class OutputText(Closed):
    type: Literal["output_text"]
    text: str


class OutputAudio(Closed):
    type: Literal["output_audio"]
    audio: str | None = None
    transcript: str | None = None


class SystemMessage(Item):
    type: Literal["message"]
    role: Literal["system"]
    content: list[InputText]


class UserMessage(Item):
    type: Literal["message"]
    role: Literal["user"]
    content: list[Annotated[InputText | InputAudio | InputImage, Field(discriminator="type")]]


class AssistantMessage(Item):
    type: Literal["message"]
    role: Literal["assistant"]
    content: list[Annotated[OutputText | OutputAudio, Field(discriminator="type")]]


class FunctionCall(Item):
    type: Literal["function_call"]
    call_id: NonEmpty | None = None
    name: NonEmpty
    arguments: str


class FunctionCallOutput(Item):
    type: Literal["function_call_output"]
    call_id: NonEmpty
    output: str


class McpApprovalResponse(Item):
    type: Literal["mcp_approval_response"]
    approval_request_id: NonEmpty
    approve: bool
    reason: str | None = None


Message = Annotated[SystemMessage | UserMessage | AssistantMessage, Field(discriminator="role")]
AnyItem = Annotated[
    Message | FunctionCall | FunctionCallOutput | McpApprovalResponse, Field(discriminator="type")
]


ITEM: TypeAdapter[Any] = TypeAdapter(AnyItem)
