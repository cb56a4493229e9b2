"""Each event against the published types of the ``openai`` package."""

from typing import Annotated, Any, get_args

from openai.types.realtime import RealtimeServerEvent
from pydantic import Field, TypeAdapter, ValidationError

from frontdesk.conformance.rules.base import Rules
from frontdesk.conformance.verdicts import Event

SERVER_EVENT: TypeAdapter[Any] = TypeAdapter(
    Annotated[RealtimeServerEvent, Field(discriminator="type")]
)
NAMES = frozenset(
    get_args(member.model_fields["type"].annotation)[0]
    for member in get_args(get_args(RealtimeServerEvent)[0])
)
"""The names of all server events."""


class Types(Rules):
    area = "types"

    def seen(self, event: Event) -> None:
        kind = event["type"]
        if kind not in NAMES:
            expected = "an event of the API: the Agents SDK reports any other as an error"
            self.must("unknown events", False, expected, event)
            return
        try:
            SERVER_EVENT.validate_python(event)
        except ValidationError as error:
            wrong = error.errors(include_url=False)[0]
            place = ".".join(str(step) for step in wrong["loc"])
            self.must(kind, False, f"{place}: {wrong['msg']}", event)
        else:
            self.must(kind, True, "", event)
