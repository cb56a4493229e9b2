"""A worker: what all calls of one process share, and how a call begins or is carried on."""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack, nullcontext
from dataclasses import replace
from typing import Any

from redis.exceptions import RedisError

from frontdesk.call.admission import Admission, called
from frontdesk.call.afterwork import Afterwork
from frontdesk.call.board import ScreenBoard
from frontdesk.call.book import CallBook
from frontdesk.call.bring_up import BringUp
from frontdesk.call.call import Call
from frontdesk.call.clock import Clock
from frontdesk.call.close_codes import MOVED, TAKEN_OVER
from frontdesk.call.connections import Connection
from frontdesk.call.drain import Drain
from frontdesk.call.erasing import ERASED, REASON, Erasing
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.numbers import Ids
from frontdesk.call.presence import Presence, worker_name
from frontdesk.call.refusals import (
    DRAINING,
    CallRefused,
    in_words,
)
from frontdesk.call.reload import Reload
from frontdesk.call.remembering import TYPED_BY_AGENTS, Remembering
from frontdesk.call.session import Kind, kind_of, new_protocol, session_config
from frontdesk.call.shelf import Remembered, Shelf
from frontdesk.call.teams import Teams
from frontdesk.desk.loader import Desk, load_desk
from frontdesk.desk.problems import DeskError, Problem, one_of
from frontdesk.desk.schema import Team
from frontdesk.desk.watch import Watch
from frontdesk.encryption import load_cipher
from frontdesk.mcp.config import HttpServer, ServerConfig, load_servers
from frontdesk.mcp.connections import McpConnections
from frontdesk.protocol.commands import Command
from frontdesk.protocol.errors import ProtocolError
from frontdesk.settings import Settings
from frontdesk.state.approvals import ApprovalStore, Decision
from frontdesk.state.callers import CallerStore, caller_of
from frontdesk.state.claims import Claims
from frontdesk.state.codec import Codec
from frontdesk.state.connection import connect
from frontdesk.state.entries import CallState, Entry
from frontdesk.state.errors import Erased, Fenced, StateError
from frontdesk.state.events import EventStream
from frontdesk.state.fold import dump, restore
from frontdesk.state.follow import Following
from frontdesk.state.log import CallStore
from frontdesk.state.pins import Pins
from frontdesk.state.tokens import Tokens
from frontdesk.state.versions import VersionStore
from frontdesk.state.workers import Workers
from frontdesk.state.writer import LogWriter
from frontdesk.tracing.calls import Tracing
from frontdesk.tracing.loop_lag import LoopLag
from frontdesk.wordless import install as install_wordless

logger = logging.getLogger(__name__)


LAST_MOMENT = 1.0
"""Seconds for calls that are over, and their worker with them, to let go of all they have."""


class Worker:
    """One process. ``start`` loads and warms everything a call needs, so that no caller waits."""

    def __init__(self, settings: Settings, mcp_urls: Mapping[str, str] | None = None) -> None:
        """``mcp_urls``: where servers of mcp.json really are, when not where it says."""
        self.settings = settings
        self._mcp_urls = mcp_urls or {}
        self.name = settings.worker or worker_name(settings)
        self.cipher = load_cipher(settings)
        self.tracing = Tracing(settings, self.cipher)
        self.calls: dict[str, Call] = {}
        self.afterwork = Afterwork(self._record_afterwork)
        self.presence = Presence(settings, self.name, self.calls, draining=lambda: self.drain.begun)
        self.drain = Drain(
            self.calls, errands=lambda: self.afterwork.under_way, on_begin=self.presence.tell
        )
        self.ready = False
        self._lives: set[asyncio.Task[None]] = set()
        self._opening: list[LiveTeam] = []
        self._open = AsyncExitStack()

    async def start(self) -> None:
        """Bring everything up. Raises ``DeskError``, ``StateError`` or ``SpeechError`` with a
        message that says what to mend."""
        watch = Watch(self.settings.desk)  # before it is read, to miss nothing
        desk = load_desk(self.settings.desk, overlay=self.settings.overlay)
        _check_team(desk, self.settings.team)
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        try:
            await self._bring_all_up(desk, watch)
        except BaseException:
            await self._open.aclose()
            raise
        self.ready = True

    async def _bring_all_up(self, desk: Desk, watch: Watch) -> None:
        install_wordless()
        self.tracing.pricing.prices = desk.prices
        self.tracing.start()
        self._open.push_async_callback(self.tracing.aclose)
        self._open.callback(LoopLag(self.tracing.metrics.lagged).stop)
        self._open.push_async_callback(self.tracing.retention.aclose)
        self.tracing.retention.start()
        redis = await self._open.enter_async_context(connect(self.settings))
        codec = Codec(self.cipher)
        self.store = CallStore(redis, codec, region=self.settings.region)
        self.events = EventStream(redis, codec, region=self.settings.region)
        self.following = Following(redis, self.events)
        self._open.push_async_callback(self.following.aclose)
        self.claims = Claims(redis, self.name, claimed=self._claimed, has=self._has)
        self._open.push_async_callback(self.claims.aclose)
        await self.claims.start()
        self.tokens = Tokens(redis)
        self.approvals = ApprovalStore(redis, codec, region=self.settings.region)
        self.callers = CallerStore(redis, codec, region=self.settings.region)
        self.shelf = Shelf(self.callers, self.store)
        self.erasing = Erasing(
            redis,
            worker=self.name,
            data=self.settings.data_dir,
            embedded=self.settings.redis_url is None,
            store=self.store,
            callers=self.callers,
            calls=self.calls,
            afterwork=self.afterwork,
            tracing=self.tracing,
        )
        self._open.push_async_callback(self.erasing.aclose)
        await self.erasing.start()
        self.board = ScreenBoard(self.approvals, self._decide)
        self._open.push_async_callback(self.board.aclose)
        self.mcp = McpConnections(self._mcp_servers(desk), Pins(redis), self.settings.data_dir)
        self._open.push_async_callback(self.mcp.aclose)
        await self.mcp.start()
        bring_up = BringUp(self.settings, self.mcp, self.tracing.captures)
        self._open.push_async_callback(bring_up.aclose)
        versions = VersionStore(redis, codec)
        self.teams = Teams(self.settings, bring_up, versions, self._in_use)
        self._open.push_async_callback(self.teams.aclose)
        await self.teams.start(desk.teams.values())
        self.admission = Admission(
            worker=self.name,
            region=self.settings.region,
            calls=self.calls,
            teams=self.teams,
            opening=self._opening,
            store=self.store,
            events=self.events,
            claims=self.claims,
        )
        self.reload = Reload(self.settings, watch, self.teams, self.mcp, self.tracing.pricing)
        self._open.push_async_callback(self.reload.aclose)
        self.reload.start()
        self.workers = Workers(redis)
        self._open.push_async_callback(self.presence.aclose)
        self.presence.start(self.workers)

    def _mcp_servers(self, desk: Desk) -> dict[str, ServerConfig]:
        servers = load_servers(desk.mcp_config) if desk.mcp_config else {}
        for name, url in self._mcp_urls.items():
            server = servers[name]
            if isinstance(server, HttpServer):
                servers[name] = replace(server, url=url)
        return servers

    def _in_use(self) -> list[LiveTeam]:
        """The teams of the calls under way, and of those that are being carried on."""
        return [*(call.team for call in self.calls.values()), *self._opening]

    def describe(self) -> dict[str, str]:
        """What is in use, for the banner at start and for ``/healthz``."""
        team = self.team(None)
        where = "FRONTDESK_REDIS_URL" if self.settings.redis_url else "embedded Valkey"
        kept = {"state": where, "encryption": "on" if self.cipher else "off"}
        if self.settings.traces_url:
            kept["traces"] = "FRONTDESK_TRACES_URL"
        if self.settings.region:
            kept["region"] = self.settings.region
        return {**team.voice.describe(), **team.runner.describe(), **kept}

    def team(self, name: str | None) -> LiveTeam:
        """The team called ``name``, or the default one."""
        return self.teams.named(name)

    def session_config(self, patch: Mapping[str, Any], session_id: str) -> dict[str, Any]:
        """The whole config of a session that begins with ``patch``. Raises ``ProtocolError``."""
        team = self.team(str(patch.get("model") or "") or None)
        return session_config(team, session_id, patch)

    def _check_session(self, patch: Mapping[str, Any]) -> None:
        """It was right when it was promised; the team may have changed since."""
        try:
            self.session_config(patch, "")
        except ProtocolError as error:
            raise CallRefused(error.message, error.code) from error

    async def open_call(
        self,
        *,
        model: str | None,
        call_id: str | None,
        transport: str,
        kind: Kind = "realtime",
        connection: Connection,
        resume: bool = False,
        session: Mapping[str, Any] | None = None,
        agent: str | None = None,
    ) -> Call:
        """Begin a call; or carry on the one called ``call_id``. When that one runs, the connection
        is attached beside those it has, or with ``resume`` takes it over from them. A call stays of
        its ``kind``. A new one begins with the config ``session``, a patch. ``agent`` gets the
        floor, in place of the team's first or who has it. A connection with a resume token is its
        call's caller again, wherever that call lives. A call stays whose it is, by the identity
        that its first connection has. Raises :class:`CallRefused`."""
        self._refuse_if_draining()
        came = time.time()
        session = session or {}
        if connection.missed.comeback.token is not None:
            call_id, session = called(connection, call_id), {}
        if session:
            self._check_session(session)
        known = call_id is not None
        running = self.calls.get(call_id) if call_id is not None and not resume else None
        if running is not None and await self.admission.attach(running, connection):
            return running
        model = str(session.get("model") or model or "") or None
        # Whoever comes next for the same call is to find this one.
        async with nullcontext() if call_id is None else self.admission.door(call_id):
            with in_words(call_id):
                if call_id is None:
                    lease, stored, team = await self.admission.begin(model, connection)
                else:
                    force = resume or connection.shown is not None
                    lease, stored, team = await self.admission.carry_on(
                        call_id, connection, force=force
                    )
                state = restore(dump(stored)) if stored else CallState(lease.call_id)
                user, agreed = state.user or connection.identity.user, connection.identity.consent
                remembered = Remembered()
                if user is not None:
                    now = time.time()
                    remembered = await self.shelf.opened(state, user, team, consent=agreed, now=now)
            if self.drain.begun:
                await self.store.release(lease)
                self._refuse_if_draining()
            loaded = team.loaded
            log = LogWriter(self.store, lease, stored, on_lost=lambda error: _lost(call, error))
            clock = Clock()
            kind = kind_of(state.session, kind_of(session, kind))
            unreachable = await team.reach(talks=kind == "realtime")
            longest = self.settings.max_call_seconds
            expires_at = int(clock.now() + longest) if longest else None
            ids = Ids(state.call_id, lease.epoch)
            protocol = new_protocol(team, state.call_id, model, kind, expires_at, ids)
            recovered: list[Command] = []
            if session:
                recovered = protocol.configure(session)
            if known:
                wire = [item.item for item in state.items if not item.hidden]
                recovered = protocol.restore(wire, state.session)
            book = CallBook(state, log, self.tracing.audio, clock)
            book.record(
                "call.opened",
                team=loaded.team.name,
                team_version=loaded.version,
                agent=_first_of((agent, state.agent), loaded.team),
                transport=transport,
                **({} if user is None else {"user": user}),
            )
            remembering = Remembering(book, clock, team, self.shelf)
            remembering.begin(remembered)
            if kind != "realtime" and not known:
                book.record("session", session=protocol.session)
            call = Call(
                live_team=team,
                protocol=protocol,
                book=book,
                recovered=recovered,
                tracing=self.tracing,
                clock=clock,
                caller=connection,
                board=self.board,
                ids=ids,
                grace=self.settings.resume_seconds,
                errands=self.afterwork.take(state.call_id),
                came=came,
                remembering=remembering,
                unreachable=unreachable,
            )
            self.calls[state.call_id] = call
            self.tracing.call_opened(state.call_id, team.capture)
            if user is not None:
                self.tracing.whose(state.call_id, caller_of(user), clock.now())
            task = asyncio.create_task(self._live(call))
            self._lives.add(task)
            task.add_done_callback(self._lives.discard)
            return call

    def _refuse_if_draining(self) -> None:
        if self.drain.begun:
            raise CallRefused(DRAINING, "worker_draining", MOVED)

    def _decide(self, call_id: str, question_id: str, decision: Decision) -> None:
        """Somebody decided at a screen, here or at another worker."""
        if call := self.calls.get(call_id):
            call.decide(question_id, **decision)

    def _has(self, call_id: str) -> bool:
        call = self.calls.get(call_id)
        return call is not None and not call.over.is_set()

    def _claimed(self, call_id: str, epoch: int, worker: str) -> None:
        """A call was taken over, here or elsewhere: it is nobody else's any more."""
        if call := self.calls.get(call_id):
            call.fenced(epoch)
        if worker != self.name:
            self.afterwork.drop(call_id)

    async def _live(self, call: Call) -> None:
        try:
            await call.run()
            self.afterwork.keep(call.state.call_id, call.background.kept, time.time())
        except Exception:
            logger.exception("call %s broke down", call.state.call_id)
        finally:
            if self.calls.get(call.state.call_id) is call:
                del self.calls[call.state.call_id]
                self.board.forget(call.state.call_id)
                self.tracing.call_closed(call.state.call_id)
            await self.teams.retire()
        if not call.goes_on:
            await self._remember(call)
        call.let_go()

    async def _remember(self, call: Call) -> None:
        """For when its caller calls again."""
        by_model = call.state.transport != TYPED_BY_AGENTS  # a conversation is many calls there
        try:
            await self.shelf.ended(call.state, call.team, by_model=by_model, now=time.time())
        except RedisError as error:
            logger.warning("call %s is summed up when its caller calls again: %s", call, error)

    async def _record_afterwork(self, call_id: str, key: str, entry: Entry) -> None:
        """Write down what comes of a piece of work on a call that nobody is on."""
        async with self.admission.door(call_id):
            if key not in self.afterwork.ids(call_id):
                return  # the call was taken up again, and its work with it
            lease = await self.store.open(call_id, self.name)
            state = await self.store.load(call_id)
            if state is None or not state.team:
                return  # it was erased

            def lost(error: StateError) -> None:
                logger.error("call %s: what came of %s is not kept: %s", call_id, key, error)

            async with LogWriter(self.store, lease, state, on_lost=lost) as log:
                log.put(entry)
                await log.flush()

    async def aclose(self) -> None:
        """End what calls are left, and let everything go."""
        await self.drain.run(0)
        if self._lives:
            await asyncio.wait(self._lives, timeout=LAST_MOMENT)
        for life in self._lives:
            life.cancel()  # what is lost of these, the log's writer says
        await self.afterwork.aclose()
        await self._open.aclose()


def _lost(call: Call, error: StateError) -> None:
    """The call can no longer be written: stop speaking, and say why."""
    if isinstance(error, Erased):
        call.fall_silent(REASON, ERASED)
    elif isinstance(error, Fenced):
        call.fall_silent("the call goes on at another connection", TAKEN_OVER)
    else:
        call.fail("The call cannot be kept any longer. Call again, please.", "state_unavailable")


def _first_of(agents: Iterable[str | None], team: Team) -> str:
    """The first who is in the team, else the one who answers its calls."""
    return next((agent for agent in agents if agent in team.agents), None) or team.entry


def _check_team(desk: Desk, name: str | None) -> None:
    if name is not None and name not in desk.teams:
        message = f"FRONTDESK_TEAM is {name!r}, but the desk has {one_of(list(desk.teams))}"
        raise DeskError([Problem(desk.root / "agents", 1, 1, message)])
