"""One request of another agent: a turn of a call that is typed and lasts as long as the turn."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from redis.exceptions import RedisError

from frontdesk.call.call import Call
from frontdesk.call.connections import Connection
from frontdesk.call.identity import Identity
from frontdesk.call.refusals import CallRefused
from frontdesk.call.worker import Worker
from frontdesk.state.errors import InOtherRegion, StateError
from frontdesk.transports.mcp.tools import AgentTool

logger = logging.getLogger(__name__)

TRANSPORT = "mcp"
STILL = 10.0
"""Seconds after which a client that waits is told that it still goes on."""

SESSION = {"type": "realtime", "output_modalities": ["text"]}

Progress = Callable[[str], Awaitable[None]]


class NotAnswered(Exception):
    """There is no answer. The message says why, and what to mend."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``agent`` has the floor; ``conversation`` goes on with it."""

    text: str
    conversation: str
    agent: str


class Asking:
    """Requests to the agents of a worker. One conversation takes one at a time."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._busy: set[str] = set()

    async def ask(
        self,
        tool: AgentTool,
        request: str,
        conversation: str | None,
        given: Mapping[str, str],
        identity: Identity,
        progress: Progress,
    ) -> Answer:
        """Ask the agent, on behalf of the caller that ``identity`` names, and wait for the answer.
        A conversation goes on with whoever has the floor in it; taken up with another tool, it is
        that tool's agent who gets it. Cancelled, it cancels the turn. Raises
        :class:`NotAnswered`."""
        call_id, first = await self._known(conversation) if conversation else (None, None)
        with self._alone(call_id):
            line = _Line(given, identity)
            try:
                call = await self._worker.open_call(
                    model=tool.team,
                    call_id=call_id,
                    transport=TRANSPORT,
                    connection=line.connection,
                    session=None if call_id else SESSION,
                    agent=None if first == tool.agent else tool.agent,
                )
            except CallRefused as refusal:
                raise NotAnswered(str(refusal)) from refusal
            try:
                text = await line.ask(call, request, progress)
            finally:
                call.leave(line.connection, "the request was answered")
        return Answer(text, f"{call.state.call_id}.{tool.agent}", call.state.agent)

    @contextmanager
    def _alone(self, call_id: str | None) -> Generator[None]:
        """Keep others out of the conversation."""
        if call_id is None:
            yield
            return
        if call_id in self._busy:
            raise NotAnswered("This conversation has a request under way: wait for its answer.")
        self._busy.add(call_id)
        try:
            yield
        finally:
            self._busy.discard(call_id)

    async def _known(self, conversation: str) -> tuple[str, str]:
        """The call of a conversation, and the agent it was last taken up with."""
        call_id, _, agent = conversation.partition(".")
        try:
            stored = await self._worker.store.load(call_id)
        except ValueError:
            stored = None
        except InOtherRegion as error:
            raise NotAnswered(str(error)) from error
        except (RedisError, StateError) as error:
            raise NotAnswered("The store does not answer. Try again in a few seconds.") from error
        if stored is None or stored.transport != TRANSPORT:
            raise NotAnswered(
                f"There is no conversation {conversation!r}: give a conversation_id as an earlier "
                "answer gave it, or leave it out to begin a new one."
            )
        return call_id, agent


class _Line:
    """The client's end of the call."""

    def __init__(self, given: Mapping[str, str], identity: Identity) -> None:
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._mark = secrets.token_hex(8)
        self._closed = "The call ended."
        self.connection = Connection(
            self._frames.put_nowait,
            self._close,
            shows_tools=True,
            given=given,
            identity=identity,
        )

    def _close(self, code: int, reason: str) -> None:
        self._closed = f"The call ended: {reason}."
        self._frames.put_nowait(None)

    async def ask(self, call: Call, request: str, progress: Progress) -> str:
        """The text of the answer."""
        content = [{"type": "input_text", "text": request}]
        item = {"type": "message", "role": "user", "content": content}
        await self._send(call, {"type": "conversation.item.create", "item": item})
        response = {"metadata": {"mcp": self._mark}}
        await self._send(call, {"type": "response.create", "response": response})
        while True:
            event = await self._next(progress)
            match event["type"]:
                case "error":
                    raise NotAnswered(event["error"]["message"])
                case "conversation.item.added" if event["item"]["type"] == "function_call":
                    await progress(f"used {event['item']['name']}")
                case "response.done" if self._is_ours(event["response"]):
                    return _text(event["response"])
                case _:
                    pass

    async def _send(self, call: Call, event: dict[str, Any]) -> None:
        if not call.take(orjson.dumps(event), self.connection):
            await call.room()

    async def _next(self, progress: Progress) -> dict[str, Any]:
        while True:
            try:
                frame = await asyncio.wait_for(self._frames.get(), STILL)
            except TimeoutError:
                await progress("still working")
                continue
            if frame is None:
                raise NotAnswered(f"{self._closed} Try again.")
            return orjson.loads(frame)

    def _is_ours(self, response: dict[str, Any]) -> bool:
        metadata: dict[str, str] = response.get("metadata") or {}
        return metadata.get("mcp") == self._mark


def _text(response: dict[str, Any]) -> str:
    """The words of a response. Raises :class:`NotAnswered` when it failed."""
    parts = [
        part["text"]
        for item in response["output"]
        if item["type"] == "message"
        for part in item["content"]
        if part["type"] == "output_text"
    ]
    details: dict[str, Any] = response.get("status_details") or {}
    if response["status"] in ("failed", "cancelled"):
        error: dict[str, Any] = details.get("error") or {}
        raise NotAnswered(error.get("message") or f"The answer was {response['status']}.")
    return " ".join(parts)
