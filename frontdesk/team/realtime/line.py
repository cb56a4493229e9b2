"""A call's line to a realtime model: connected as long as the call lasts, again when it breaks."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from agents.realtime import RealtimeSessionModelSettings

from agents import TResponseInputItem
from frontdesk.team.realtime.connection import Connection, Ended, Output, UpstreamError
from frontdesk.team.realtime.mirror import unworded
from frontdesk.team.realtime.upstream import Upstream

logger = logging.getLogger(__name__)

OLDEST = 55 * 60.0
"""Seconds after which a new connection takes the place of an old one, between two answers: OpenAI
ends a session after an hour (platform.openai.com/docs/guides/realtime-conversations)."""
WORDS = 5.0
"""Seconds to wait for words that are needed after all."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the model is asked: ``history`` as Responses input, how the ``session`` is to be, the
    fields of the ``response``, and the number of the run that asks."""

    history: Sequence[TResponseInputItem]
    session: RealtimeSessionModelSettings
    response: dict[str, Any]
    run: int


class Line:
    """Use from one event loop; :meth:`aclose` at the end of the call."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.runs = 0
        """How many runs of the team were on the line."""
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._over = False
        self._one_at_a_time = asyncio.Lock()
        self._words: dict[str, asyncio.Future[str | None]] = {}
        self._told: dict[str, asyncio.Future[str | None]] = {}

    # The connection

    def open(self) -> None:
        """Begin to connect, so that nobody waits for it later."""
        if self._connection is None and self._connecting is None and not self._over:
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._connected)

    @property
    def up(self) -> bool:
        """Whether the line is connected, or about to be."""
        return self._connection is not None or self._connecting is not None

    async def _connect(self) -> None:
        connection = Connection(
            self.upstream.dial(), self.upstream.config, heard=self._heard, lost=self._lost
        )
        try:
            await connection.open()
        except BaseException:
            await connection.aclose()
            raise
        self._connection = connection

    def _connected(self, connecting: asyncio.Task[None]) -> None:
        self._connecting = None
        if connecting.cancelled():
            return
        if (error := connecting.exception()) is not None:
            logger.warning("%s: %s", self.upstream.name, error)

    async def _ready(self) -> Connection:
        """The connection, when it may be asked something. Raises :class:`UpstreamError`."""
        now = asyncio.get_running_loop().time()
        if self._connection is not None and now - self._connection.opened > OLDEST:
            self._hang_up(self._connection)
        if self._connection is None:
            self.open()
            if self._connecting is not None:
                await asyncio.shield(self._connecting)
        connection = self._connection
        if connection is None:
            raise UpstreamError("it hung up", "upstream_lost")
        await connection.ready()
        return connection

    def _lost(self, connection: Connection, error: UpstreamError) -> None:
        logger.warning("%s: %s", self.upstream.name, error)
        self._hang_up(connection)
        if connection.asked:  # one that never was of use is tried again when it is needed
            self.open()

    def _hang_up(self, connection: Connection) -> None:
        if self._connection is connection:
            self._connection = None
        closing = asyncio.create_task(connection.aclose())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def aclose(self) -> None:
        """Hang up for good."""
        self._over = True
        for waiting in (*self._words.values(), *self._told.values()):
            waiting.cancel()
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._connection is not None:
            self._hang_up(self._connection)
        await asyncio.gather(*self._closing, return_exceptions=True)

    # The caller's speech

    def hear(self, audio: bytes) -> None:
        """Sound of the caller (24 kHz, 16 bit). Lost while the line is down."""
        if self._connection is not None:
            self._connection.hear(audio)

    def commit(self, speech: str) -> None:
        """What was heard since the last commit is the item ``speech`` of the conversation."""
        loop = asyncio.get_running_loop()
        self._told[speech] = loop.create_future()
        self._words.setdefault(speech, loop.create_future())
        if self._connection is not None:
            self._connection.commit(speech)
        else:
            self._heard(speech, None)

    def forget(self) -> None:
        """What was heard since the last commit is nothing."""
        if self._connection is not None:
            self._connection.forget()

    def has(self, speech: str) -> bool:
        """Whether the model upstream has the sound of this item."""
        told = self._told.get(speech)
        return self._connection is not None and told is not None and not told.done()

    async def words_of(self, speech: str) -> str | None:
        """What the model upstream has understood; None when it cannot tell."""
        words = self._words.setdefault(speech, asyncio.get_running_loop().create_future())
        return await asyncio.shield(words)

    def _heard(self, speech: str, words: str | None) -> None:
        found = self._words.setdefault(speech, asyncio.get_running_loop().create_future())
        if not found.done():
            found.set_result(words)

    def worded(self, speech: str, words: str | None) -> None:
        """What the conversation has as the words of an item."""
        self._words.pop(speech, None)
        told = self._told.get(speech)
        if told is not None and not told.done():
            told.set_result(words)
        if self._connection is not None:
            self._connection.mirror.worded(speech, words or "")

    async def in_words(self, history: Sequence[TResponseInputItem]) -> list[TResponseInputItem]:
        """``history`` for a model that has not heard the caller."""
        if not self._told:
            return [*history]
        found = {unworded(speech): told for speech, told in self._told.items()}
        items: list[TResponseInputItem] = []
        for item in history:
            fields = cast("dict[str, Any]", item)
            told = found.get(str(fields.get("content")))
            if told is None:
                items.append(item)
            elif words := await _soon(told):
                items.append(cast("TResponseInputItem", {**fields, "content": words}))
        return items

    # Answers

    def call_off(self) -> None:
        """Nobody waits for the answer under way any more."""
        if self._connection is not None:
            self._connection.call_off()

    def cut(self, item_id: str, audio_ms: int) -> None:
        """No more than this was heard of an item upstream."""
        if self._connection is not None:
            self._connection.cut(item_id, audio_ms)

    async def ask(self, question: Question) -> AsyncGenerator[Output | Ended]:
        """The answer upstream, the last event of which is :class:`Ended`. Raises
        :class:`UpstreamError`."""
        async with self._one_at_a_time:
            connection = await self._ready()
            connection.become(connection.mirror.follow(question.history))
            connection.configure(question.session)
            answer = connection.answer(question.response, question.run)
            async with aclosing(answer) as events:
                async for event in events:
                    yield event


async def _soon(told: asyncio.Future[str | None]) -> str | None:
    try:
        async with asyncio.timeout(WORDS):
            return await asyncio.shield(told)
    except TimeoutError:
        return None
