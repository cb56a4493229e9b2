"""A finished reply as the events of a Responses stream, and as the response itself."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

from agents.items import TResponseStreamEvent
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseCreatedEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionCallArgumentsDoneEvent,
    ResponseFunctionToolCall,
    ResponseIncompleteEvent,
    ResponseOutputItem,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
    ResponseUsage,
)
from openai.types.responses.response import IncompleteDetails
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

_CLAUSE = re.compile(r".+?(?:[.!?;:](?=\s)|,(?=\s)|$)\s*", re.DOTALL)


def clauses(text: str) -> list[str]:
    """Pieces that a voice can begin to speak; together they are ``text`` exactly."""
    return _CLAUSE.findall(text)


def message(text: str, *, cut_short: bool = False) -> ResponseOutputMessage:
    """Words to be spoken; ``cut_short``: there would have been more of them."""
    return ResponseOutputMessage(
        id=f"msg_{uuid4().hex}",
        type="message",
        role="assistant",
        status="incomplete" if cut_short else "completed",
        content=[ResponseOutputText(type="output_text", text=text, annotations=[], logprobs=[])],
    )


def function_call(name: str, arguments: str) -> ResponseFunctionToolCall:
    """A call of a tool or a handoff."""
    return ResponseFunctionToolCall(
        id=f"fc_{uuid4().hex}",
        call_id=f"call_{uuid4().hex[:24]}",
        type="function_call",
        name=name,
        arguments=arguments,
        status="completed",
    )


def response(
    output: list[ResponseOutputItem], tokens_in: int, tokens_out: int, *, model: str
) -> Response:
    """The response around ``output``, complete if that is."""
    cut_short = any(item.type == "message" and item.status == "incomplete" for item in output)
    return Response(
        id=f"resp_{uuid4().hex}",
        created_at=int(time.time()),
        model=model,
        object="response",
        output=output,
        tool_choice="auto",
        tools=[],
        parallel_tool_calls=False,
        status="incomplete" if cut_short else "completed",
        incomplete_details=IncompleteDetails(reason="max_output_tokens") if cut_short else None,
        usage=ResponseUsage(
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            total_tokens=tokens_in + tokens_out,
            input_tokens_details=InputTokensDetails(cached_tokens=0, cache_write_tokens=0),
            output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
        ),
    )


def events(
    final: Response, split: Callable[[str], list[str]] = clauses
) -> Iterator[TResponseStreamEvent]:
    """The events that a server would stream for ``final``, its text in the pieces of ``split``."""
    for number, event in enumerate(_events(final, split)):
        event.sequence_number = number
        yield event


def ending(final: Response) -> Iterator[TResponseStreamEvent]:
    """The last events of a stream whose words were told already."""
    for index, item in enumerate(final.output):
        yield _done(item, index)
    yield _over(final)


def _over(final: Response) -> TResponseStreamEvent:
    if not final.incomplete_details:
        return ResponseCompletedEvent(type="response.completed", response=final, sequence_number=0)
    return ResponseIncompleteEvent(type="response.incomplete", response=final, sequence_number=0)


def _events(final: Response, split: Callable[[str], list[str]]) -> Iterator[TResponseStreamEvent]:
    fresh: dict[str, Any] = {
        "output": [],
        "status": "in_progress",
        "usage": None,
        "incomplete_details": None,
    }
    begun = final.model_copy(update=fresh)
    yield ResponseCreatedEvent(type="response.created", response=begun, sequence_number=0)
    for index, item in enumerate(final.output):
        if isinstance(item, ResponseOutputMessage):
            yield from _message_events(item, index, split)
        elif isinstance(item, ResponseFunctionToolCall):
            yield from _call_events(item, index)
    yield _over(final)


def _added(item: ResponseOutputItem, index: int) -> ResponseOutputItemAddedEvent:
    return ResponseOutputItemAddedEvent(
        type="response.output_item.added", item=item, output_index=index, sequence_number=0
    )


def _done(item: ResponseOutputItem, index: int) -> ResponseOutputItemDoneEvent:
    return ResponseOutputItemDoneEvent(
        type="response.output_item.done", item=item, output_index=index, sequence_number=0
    )


def _message_events(
    item: ResponseOutputMessage, index: int, split: Callable[[str], list[str]]
) -> Iterator[TResponseStreamEvent]:
    yield _added(item.model_copy(update={"content": [], "status": "in_progress"}), index)
    for place, part in enumerate(item.content):
        if not isinstance(part, ResponseOutputText):
            continue
        yield ResponseContentPartAddedEvent(
            type="response.content_part.added",
            item_id=item.id,
            output_index=index,
            content_index=place,
            part=part.model_copy(update={"text": ""}),
            sequence_number=0,
        )
        for piece in split(part.text):
            yield ResponseTextDeltaEvent(
                type="response.output_text.delta",
                item_id=item.id,
                output_index=index,
                content_index=place,
                delta=piece,
                logprobs=[],
                sequence_number=0,
            )
        yield ResponseTextDoneEvent(
            type="response.output_text.done",
            item_id=item.id,
            output_index=index,
            content_index=place,
            text=part.text,
            logprobs=[],
            sequence_number=0,
        )
        yield ResponseContentPartDoneEvent(
            type="response.content_part.done",
            item_id=item.id,
            output_index=index,
            content_index=place,
            part=part,
            sequence_number=0,
        )
    yield _done(item, index)


def _call_events(item: ResponseFunctionToolCall, index: int) -> Iterator[TResponseStreamEvent]:
    item_id = item.id or item.call_id
    yield _added(item.model_copy(update={"arguments": "", "status": "in_progress"}), index)
    yield ResponseFunctionCallArgumentsDeltaEvent(
        type="response.function_call_arguments.delta",
        item_id=item_id,
        output_index=index,
        delta=item.arguments,
        sequence_number=0,
    )
    yield ResponseFunctionCallArgumentsDoneEvent(
        type="response.function_call_arguments.done",
        item_id=item_id,
        output_index=index,
        arguments=item.arguments,
        sequence_number=0,
    )
    yield _done(item, index)
