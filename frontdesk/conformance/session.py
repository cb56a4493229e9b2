"""One Realtime session, driven from the client's side."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from frontdesk.conformance import audio
from frontdesk.conformance.reply import Reply
from frontdesk.conformance.stream import Stream
from frontdesk.conformance.target import Target
from frontdesk.conformance.verdicts import Event, Failed, Ledger, Skipped, inner

Match = Callable[[Event], bool]

CLOSING = 10.0
"""Seconds at the end of a scenario in which what is still owed may come."""


class Session:
    """``stream`` holds all that was said, ``config`` the session as last told."""

    def __init__(self, socket: ClientConnection, target: Target, ledger: Ledger) -> None:
        self.target = target
        self.stream = Stream(ledger)
        self.config: dict[str, Any] = {}
        self._socket = socket
        self._numbers = 0

    # Sending

    async def send(self, type: str, **fields: Any) -> str:
        """Send one event; returns its ``event_id``."""
        self._numbers += 1
        event = {"type": type, "event_id": f"conformance_{self._numbers}", **fields}
        self.stream.sent(event)
        await self._send(json.dumps(event))
        return str(event["event_id"])

    async def send_odd(self, frame: str | bytes) -> None:
        """Send what no event may be."""
        odd = isinstance(frame, bytes) or not frame.startswith('{"')
        self.stream.sent({"type": repr(frame)[:40]} if odd else json.loads(frame))
        await self._send(frame)

    async def _send(self, frame: str | bytes) -> None:
        """Raises :class:`Failed` when the socket is closed."""
        try:
            await self._socket.send(frame)
        except ConnectionClosed as closed:
            raise Failed("the socket stays open", f"closed: {closed}") from None

    async def append(self, samples: audio.Samples, kind: str = audio.PCM) -> None:
        """Append audio, faster than real time."""
        for frame in audio.frames(samples, kind):
            await self.send("input_audio_buffer.append", audio=frame)

    # Receiving

    async def next(self, expected: str, limit: float | None = None) -> Event:
        """The next event. Raises :class:`Failed` when there is none in time."""
        limit = self.target.timeout if limit is None else limit
        try:
            async with asyncio.timeout(limit):
                frame = await self._socket.recv()
        except TimeoutError:
            raise Failed(f"{expected} within {limit:g} s", "nothing came", overdue=True) from None
        except ConnectionClosed as closed:
            raise Failed(expected, f"the socket closed: {closed}", overdue=True) from None
        try:
            event = json.loads(frame)
        except ValueError:
            raise Failed("a JSON text frame", str(frame)[:200]) from None
        if not isinstance(event, dict) or not isinstance(event.get("type"), str):  # pyright: ignore[reportUnknownMemberType]
            raise Failed("a JSON object with a type", str(frame)[:200])
        self.stream.seen(event)  # pyright: ignore[reportUnknownArgumentType]
        return event  # pyright: ignore[reportUnknownVariableType]

    async def until(
        self, *types: str, where: Match | None = None, limit: float | None = None
    ) -> list[Event]:
        """Events up to and with the first of ``types``. An error nobody asked for fails."""
        events: list[Event] = []
        while True:
            event = await self.next(" or ".join(types), limit)
            events.append(event)
            if event["type"] in types and (where is None or where(event)):
                return events
            if event["type"] == "error":
                raise Failed(f"{' or '.join(types)}, and no error", event)

    async def expect(self, *types: str, where: Match | None = None) -> Event:
        """The next event of ``types``, whatever comes before it (but no error)."""
        return (await self.until(*types, where=where))[-1]

    async def closed(self, limit: float) -> int | None:
        """Wait until the server closes the socket; its close code."""
        with contextlib.suppress(Failed):
            while True:
                await self.next("the end", limit)
        return self._socket.close_code

    # What scenarios often do

    async def configure(self, type: str = "realtime", **fields: Any) -> dict[str, Any]:
        """``session.update``; returns the session as ``session.updated`` tells it."""
        await self.send("session.update", session={"type": type, **fields})
        self.config = (await self.expect("session.updated"))["session"]
        return self.config

    async def add(self, item: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """``conversation.item.create``; returns the item when it is done."""
        await self.send("conversation.item.create", item=item, **fields)
        added = await self.expect("conversation.item.added")
        item_id = added["item"]["id"]
        done = await self.expect(
            "conversation.item.done", where=lambda event: event["item"]["id"] == item_id
        )
        return done["item"]

    async def write(self, text: str, **fields: Any) -> dict[str, Any]:
        """Add a user message."""
        return await self.add(user(text, **fields))

    async def ask(self, text: str | None = None, **options: Any) -> Reply:
        """Add a user message, if there is one, ask for a response and wait for all of it."""
        if text is not None:
            await self.write(text)
        fields = {"response": options} if options else {}
        await self.send("response.create", **fields)
        return await self.reply()

    async def reply(self, first: Sequence[Event] = ()) -> Reply:
        """The next response, whole. ``first`` are events already read."""
        events = list(first)
        if not any(event["type"] == "response.created" for event in events):
            events += await self.until("response.created")
        created = next(event for event in events if event["type"] == "response.created")
        response_id = created["response"]["id"]
        events += await self.until(
            "response.done", where=lambda event: event["response"]["id"] == response_id
        )
        return Reply(response_id, events)

    async def cancelled_reply(self, text: str) -> Reply:
        """The response to ``text``, cancelled as soon as it was asked for. Raises
        :class:`Skipped` when it was complete all the same."""
        await self.write(text)
        await self.send("response.create")
        await self.send("response.cancel")
        reply = await self.reply()
        if reply.done.get("status") == "completed":
            raise Skipped("the response was complete before the cancel")
        reply.must_be("cancelled", "client_cancelled")
        return reply

    async def refused(
        self, type: str, param: str | None = None, /, **fields: Any
    ) -> dict[str, Any]:
        """Send what has to be refused; the one error, which names ``param`` if that is given."""
        event_id = await self.send(type, **fields)
        event = await self.expect("error", "session.updated", "conversation.item.added")
        error = inner(event, "error")
        if event["type"] != "error" or error.get("event_id") != event_id:
            raise Failed(f"an error with event_id {event_id} for this {type}", event)
        if param is not None and error.get("param") != param:
            raise Failed(f"an error with param {param}", event)
        await self.settled()
        return error

    async def settled(self) -> list[Event]:
        """What the server sends until it has answered all that was sent: a round trip."""
        await self.send("input_audio_buffer.clear")
        return await self.until("input_audio_buffer.cleared")

    async def close(self) -> None:
        """Let the server send what it owes, then judge what it did not."""
        with contextlib.suppress(Failed):
            while self.stream.owed():
                await self.next("what is owed", min(CLOSING, self.target.timeout))
            event_id = await self.send("input_audio_buffer.clear")
            while True:  # a double of something may still be on its way
                event = await self.next("the answer", min(CLOSING, self.target.timeout))
                refused = inner(event, "error").get("event_id") == event_id
                if refused or event["type"] == "input_audio_buffer.cleared":
                    break
        self.stream.end()


def user(text: str, **fields: Any) -> dict[str, Any]:
    """A user message to create."""
    content = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "content": content, **fields}


@asynccontextmanager
async def opened(
    target: Target,
    ledger: Ledger,
    *,
    key: str | None = None,
    subprotocols: Sequence[Any] | None = None,
    **query: str,
) -> AsyncGenerator[Session]:
    """Connect. ``subprotocols`` carry the key in place of the header, as in browsers.

    Raises :class:`Failed` when the server refuses.
    """
    headers = {} if subprotocols else target.headers(key)
    try:
        async with connect(
            target.socket(**query),
            additional_headers=headers,
            subprotocols=subprotocols,
            ssl=target.tls(),
            max_size=None,
            open_timeout=target.timeout,
            close_timeout=2,
        ) as socket:
            if subprotocols and socket.subprotocol != "realtime":
                raise Failed("the subprotocol realtime", f"{socket.subprotocol}")
            yield Session(socket, target, ledger)
    except InvalidStatus as refused:
        body = (refused.response.body or b"").decode(errors="replace")
        seen = f"HTTP {refused.response.status_code} {body[:300]}"
        raise Failed("the server takes the socket", seen) from None
    except (OSError, TimeoutError, WebSocketException) as error:
        raise Failed("the server takes the socket", f"{type(error).__name__}: {error}") from None
