"""A run that begins with tool calls which were made before and have been decided meanwhile.

The first step of such a run is written, not thought: it makes the same calls again, and the SDK
runs them as it runs any (guardrails, time-outs, spans, hooks). From the second step on the agent's
own model goes on with what came of them.
"""

import copy
from collections.abc import AsyncIterator
from typing import Any

from agents.items import TResponseStreamEvent

from agents import Model, ModelResponse, Usage
from frontdesk.team import stream
from frontdesk.team.build import TeamAgent
from frontdesk.team.events import Decided


def resuming(agent: TeamAgent, decided: tuple[Decided, ...]) -> TeamAgent:
    """``agent``, for one run that begins with these calls."""
    if not isinstance(agent.model, Model):
        raise TypeError(f"the agent {agent.name} has no model of its own")
    again = copy.copy(agent)
    again.model = _Resuming(agent.model, decided)
    return again


class _Resuming(Model):
    def __init__(self, model: Model, decided: tuple[Decided, ...]) -> None:
        self._model = model
        self._decided: tuple[Decided, ...] | None = decided

    async def get_response(self, *args: Any, **kwargs: Any) -> ModelResponse:
        if self._decided is None:
            return await self._model.get_response(*args, **kwargs)
        return ModelResponse(output=self._calls().output, usage=Usage(), response_id=None)

    async def stream_response(
        self, *args: Any, **kwargs: Any
    ) -> AsyncIterator[TResponseStreamEvent]:
        if self._decided is not None:
            for event in stream.events(self._calls()):
                yield event
            return
        async for event in self._model.stream_response(*args, **kwargs):
            yield event

    def _calls(self) -> Any:
        decided, self._decided = self._decided or (), None
        calls: list[Any] = [
            stream.function_call(call.name, call.arguments).model_copy(
                update={"call_id": call.call_id}
            )
            for call in decided
        ]
        return stream.response(calls, 0, 0, model="resumed")
