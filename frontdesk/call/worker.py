"""A worker: what all calls of one process share, and how a call begins or is carried on."""

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable

import orjson

from frontdesk.call.book import CallBook
from frontdesk.call.call import Call
from frontdesk.call.live_team import LiveTeam
from frontdesk.desk.loader import Desk, load_desk
from frontdesk.mcp.config import load_mcp_config
from frontdesk.mcp.connections import McpConnections
from frontdesk.protocol.core import RealtimeProtocol
from frontdesk.settings import Settings
from frontdesk.state.connect import connect
from frontdesk.state.entries import CallState
from frontdesk.state.log import CallStore, Owned
from frontdesk.state.writer import LogWriter
from frontdesk.team.runner import TeamRunner
from frontdesk.tracing.calls import Tracing
from frontdesk.voice.models import build_voice

logger = logging.getLogger(__name__)


class CallRefused(Exception):
    """A call cannot begin here. ``close_code`` is for the socket."""

    def __init__(self, message: str, code: str, close_code: int = 1008) -> None:
        super().__init__(message)
        self.code = code
        self.close_code = close_code

    def frame(self) -> str:
        """The refusal as a Realtime ``error`` event."""
        error = {"type": "invalid_request_error", "code": self.code, "message": str(self)}
        event = {"type": "error", "event_id": f"event_{secrets.token_hex(10)}", "error": error}
        return orjson.dumps(event).decode()


class Worker:
    """One process. ``start`` loads and warms everything a call needs, so that no caller waits."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.name = settings.worker or f"{socket.gethostname()}-{os.getpid()}"
        self.tracing = Tracing(settings)
        self.teams: dict[str, LiveTeam] = {}
        self.calls: dict[str, Call] = {}
        self.ready = False

    async def start(self) -> None:
        """Bring everything up. Raises ``DeskError``, ``StateError`` or ``SpeechError`` with a
        message that says what to mend."""
        desk = load_desk(self.settings.desk)
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        self.tracing.start()
        self._redis = await connect(self.settings)
        self.store = CallStore(self._redis.client)
        self.mcp = McpConnections(load_mcp_config(desk.mcp_config))
        await self.mcp.start()
        for name in desk.teams:
            self.teams[name] = await self._bring_up(desk, name)
        self.ready = True

    async def _bring_up(self, desk: Desk, name: str) -> LiveTeam:
        loaded = desk.teams[name]
        voice = build_voice(loaded.team.voice, self.settings.models)
        runner = TeamRunner(
            loaded.team,
            desk_root=desk.root,
            prompt=loaded.prompt,
            mcp=self.mcp,
            settings=self.settings,
        )
        await asyncio.gather(voice.warm_up(), runner.start())
        return LiveTeam(loaded, runner, voice)

    def describe(self) -> dict[str, str]:
        """What is in use, for the banner at start and for ``/healthz``."""
        team = self.team(None)
        return {**team.voice.describe(), **team.runner.describe(), "state": self._redis.described}

    def team(self, name: str | None) -> LiveTeam:
        """The team called ``name``, or the default one."""
        default = self.settings.team or next(iter(self.teams))
        return self.teams.get(name or default) or self.teams[default]

    async def open_call(
        self,
        *,
        model: str | None,
        call_id: str | None,
        transport: str,
        send: Callable[[bytes], None],
        close: Callable[[int, str], None],
    ) -> Call:
        """Begin a call, or carry on the one called ``call_id``. Raises :class:`CallRefused`."""
        state = await self._state(call_id)
        known = call_id is not None
        team = self.team(state.team if known else model)
        loaded = team.loaded
        try:
            lease = await self.store.open(state.call_id, self.name)
        except Owned as error:
            raise CallRefused(str(error), "call_in_use") from error
        log = LogWriter(self.store, lease, on_lost=lambda error: self._lost(state.call_id, error))
        voice = loaded.team.voice
        protocol = RealtimeProtocol(
            state.call_id,
            model or loaded.team.name,
            defaults={
                "audio": {
                    "input": {"turn_detection": voice.turn_detection.wire()},
                    "output": {"voice": voice.tts.voice or "alloy"},
                }
            },
        )
        if known:
            wire = [stored.item for stored in state.items if not stored.hidden]
            protocol.restore(wire, state.session)
        book = CallBook(state, log, self.tracing.audio)
        book.record(
            "call.opened",
            team=loaded.team.name,
            team_version=loaded.version,
            agent=state.agent or loaded.team.entry,
            transport=transport,
        )
        call = Call(
            live_team=team,
            protocol=protocol,
            book=book,
            tracing=self.tracing,
            send=send,
            close=close,
        )
        self.calls[state.call_id] = call
        return call

    async def _state(self, call_id: str | None) -> CallState:
        if call_id is None:
            return CallState(call_id=f"sess_{secrets.token_hex(12)}", opened_at=time.time())
        state = await self.store.load(call_id)
        if state is None:
            raise CallRefused(f"There is no call {call_id!r} to carry on.", "call_not_found")
        return state

    def _lost(self, call_id: str, error: Exception) -> None:
        """Another worker has the call now: stop writing and speaking at once."""
        logger.warning("call %s: %s", call_id, error)
        if call := self.calls.get(call_id):
            call.end("this worker lost the call", 1012)

    def forget(self, call: Call) -> None:
        """The call's connection is gone."""
        self.calls.pop(call.state.call_id, None)

    async def aclose(self) -> None:
        """End all calls and let everything go."""
        for call in list(self.calls.values()):
            call.end("the server stops", 1001)
        for team in self.teams.values():
            await team.runner.aclose()
        await self.mcp.aclose()
        await self.tracing.aclose()
        await self._redis.aclose()
