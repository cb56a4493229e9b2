"""LiveKit reads its socket with aiohttp; what others read is checked in tests/conftest.py."""

from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMessage, WSMsgType

from tests.frames import checked


@pytest.fixture(autouse=True)
def every_frame_that_aiohttp_reads_is_checked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    wrong: list[Exception] = []
    receive = ClientWebSocketResponse.receive

    async def checking(self: ClientWebSocketResponse, *timeout: Any) -> WSMessage:
        message = await receive(self, *timeout)
        if message.type is WSMsgType.TEXT:
            try:
                checked(message.data)
            except ValueError as error:
                wrong.append(error)
        return message

    monkeypatch.setattr(ClientWebSocketResponse, "receive", checking)
    yield
    assert not wrong, wrong
