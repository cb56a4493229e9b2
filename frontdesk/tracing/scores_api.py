"""``POST /api/scores`` and ``DELETE /api/scores/{id}``: what people think of turns. They are read
with the trace and with the call."""

import secrets
import time
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from frontdesk.tracing.scores import Score
from frontdesk.tracing.stores import Elsewhere, Store, StoreError

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Comment = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
SpanId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
TraceId = Annotated[
    str,
    StringConstraints(pattern=r"^(trace_)?[0-9a-f]{32}$"),
    AfterValidator(lambda given: given.removeprefix("trace_")),
]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class NewScore(BaseModel):
    """The body: one of ``value``, ``label`` and ``comment``, or several."""

    model_config = ConfigDict(extra="forbid")

    trace_id: TraceId
    span_id: SpanId | None = None
    name: Line
    value: Finite | None = None
    label: Line | None = None
    comment: Comment | None = None
    author: Line = "somebody at the screen"

    @model_validator(mode="after")
    def _says_something(self) -> "NewScore":
        if self.value is None and self.label is None and self.comment is None:
            raise PydanticCustomError("empty", "give a value, a label or a comment")
        return self


def router(
    store: Store, redact: Callable[[str, str], str], scored: Callable[[Score], None]
) -> APIRouter:
    """The routes that write scores. Blocking writes run in threads. ``redact`` makes a comment,
    given its call's team, what may be kept of it; ``scored`` is told of each that was kept."""
    routes = APIRouter(prefix="/api/scores", tags=["traces"])

    @routes.post("", status_code=201)
    def add(given: NewScore) -> dict[str, Any]:
        """Score a turn or a span; the answer has its ``id`` and when it was ``created``."""
        identity = f"score_{secrets.token_hex(8)}"
        try:
            if given.comment is not None and (found := store.trace(given.trace_id)):
                given.comment = redact(found["trace"]["team"] or "", given.comment)
            score = Score(id=identity, created=round(time.time(), 3), **given.model_dump())
            kept = store.add_score(score)
            if kept:
                scored(score)
        except StoreError as error:
            raise _failed(error) from error
        if not kept:
            place = f" or no span {given.span_id!r} of it" if given.span_id else ""
            raise HTTPException(404, f"There is no trace {given.trace_id!r}{place}.")
        return score.export()

    @routes.delete("/{score_id}", status_code=204)
    def delete(score_id: str) -> None:
        """Take a score back."""
        try:
            gone = store.delete_score(score_id)
        except StoreError as error:
            raise _failed(error) from error
        if not gone:
            raise HTTPException(404, f"There is no score {score_id!r}.")

    return routes


def _failed(error: StoreError) -> HTTPException:
    return HTTPException(403 if isinstance(error, Elsewhere) else 503, str(error))
