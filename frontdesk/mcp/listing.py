"""The tools of one server: the last good list, vetted, pinned, and kept fresh."""

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from mcp import Client
from mcp.types import Tool

from frontdesk.mcp.faults import Fault, PinsUnknown, watch_faults
from frontdesk.mcp.pins import PinStore, ToolChange, changes, says
from frontdesk.mcp.vetting import Finding

logger = logging.getLogger(__name__)

MAX_PAGES = 50
SHORTEST_TTL, LONGEST_TTL = 30.0, 24 * 3600.0
"""Seconds that a list counts as fresh at least, so that no turn costs a request to a server that
promises nothing, and at most."""
FETCH_SECONDS, LONGEST_FETCH = 2.0, 16.0
"""Wait for a list that is fetched anew, twice as long each time that it was too short: behind an
address each request may start a process (supergateway does so)."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 0.5
"""Seconds between attempts to fetch one."""
PINS_SECONDS = 5.0
"""How soon a change that was accepted at another worker is known here."""

STORE_SECONDS = 1.0
"""Longest wait for the store of the pins."""

Failed = Callable[[Exception, list[Fault]], None]
"""Told what went wrong with a request, and the faults on its way."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One list: ``tools`` that can be used, ``findings`` on these and others, ``changed`` ones that
    are not what was pinned, by name. Replaced as a whole."""

    tools: tuple[Tool, ...] = ()
    findings: tuple[Finding, ...] = ()
    changed: tuple[ToolChange, ...] = ()


class Listing:
    """The list of ``server``; ``pins`` None: nothing is pinned."""

    def __init__(self, server: str, pins: PinStore | None) -> None:
        self._server = server
        self._pins = pins
        self.now = Listed()
        self.due = asyncio.Event()
        """Set when the server is to be asked anew."""
        self.arrived = asyncio.Event()
        """Set once there was a list."""
        self._known: dict[str, str] | None = None
        self._findings: list[Finding] = []
        self._told: set[object] = set()
        self._fresh_until: float | None = None

    def found(self, finding: Finding) -> None:
        """Something about a tool of the list that is coming in."""
        self._findings.append(finding)

    async def fetch(self, client: Client) -> None:
        """Ask for the whole list. Raises what the client raises, and keeps the old list then."""
        self._findings.clear()
        tools: dict[str, Tool] = {}
        cursor: str | None = None
        ttl: float | None = None
        for _ in range(MAX_PAGES):
            page = await client.list_tools(cursor=cursor)
            if "ttl_ms" in page.model_fields_set:
                ttl = min(page.ttl_ms / 1000, ttl if ttl is not None else LONGEST_TTL)
            for tool in page.tools:
                if tool.name in tools:
                    self.found(Finding(tool.name, "the name stands twice in the list", True))
                tools.setdefault(tool.name, tool)
            if (cursor := page.next_cursor) is None:
                break
        changed = await self._review(tools.values())
        self.now = Listed(tuple(tools.values()), tuple(dict.fromkeys(self._findings)), changed)
        loop = asyncio.get_running_loop()
        self._fresh_until = None if ttl is None else loop.time() + max(ttl, SHORTEST_TTL)
        self.arrived.set()
        self._tell()

    def use(self) -> Listed:
        """The list, at once; one that is older than the server allowed is fetched meanwhile."""
        until = self._fresh_until
        if until is not None and asyncio.get_running_loop().time() > until:
            self._fresh_until = None
            self.due.set()
        return self.now

    async def keep(
        self,
        client: Client,
        answered: Callable[[], None],
        failed: Failed,
    ) -> None:
        """Fetch it again whenever that is due, and again until it comes, for as long as the client
        lives; ``answered`` is told each time that it came, and ``failed`` that it did not."""
        pause, seconds = FIRST_PAUSE, FETCH_SECONDS
        while True:
            if self.now.changed and not self.due.is_set():
                await self._until_due_or_accepted()
            else:
                await self.due.wait()
            self.due.clear()
            faults: list[Fault] = []
            try:
                with watch_faults() as faults:
                    async with asyncio.timeout(seconds):
                        await self.fetch(client)
            except Exception as error:
                failed(error, faults)
                if isinstance(error, TimeoutError):
                    seconds = min(2 * seconds, LONGEST_FETCH)
                logger.debug("MCP server %s: its list was not fetched: %r", self._server, error)
                self.due.set()
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                pause = FIRST_PAUSE
                answered()

    async def accept(self, digests: Collection[str] | None = None) -> list[str]:
        """Pin what changed as it is now, all of it or what has these ``digests``; the names.

        Raises:
            Exception: the store cannot be written.
        """
        accepted = {c.tool for c in self.now.changed if digests is None or c.digest in digests}
        if self._pins is not None and accepted:
            texts = {tool.name: says(tool) for tool in self.now.tools if tool.name in accepted}
            await self._pins.write(self._server, texts)
            self._known = {**(self._known or {}), **texts}
            left = tuple(c for c in self.now.changed if c.tool not in accepted)
            self.now = Listed(self.now.tools, self.now.findings, left)
        return sorted(accepted)

    async def _until_due_or_accepted(self) -> None:
        """Another worker may have been told that a change is right."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PINS_SECONDS):
                await self.due.wait()
            return
        if await self._review(self.now.tools) != self.now.changed:
            self.due.set()

    async def _review(self, tools: Collection[Tool]) -> tuple[ToolChange, ...]:
        """What is not as it was pinned; a server that was never seen is pinned as it is."""
        if self._pins is None:
            return ()
        try:
            async with asyncio.timeout(STORE_SECONDS):
                pins = await self._pins.read(self._server)
                if not pins:
                    pins = {tool.name: says(tool) for tool in tools}
                    await self._pins.write(self._server, pins)
        except Exception as error:
            if self._known is None:
                raise PinsUnknown from error
            pins = self._known  # a store that is away for a moment is no reason to have no tools
        self._known = pins
        return changes(tools, pins)

    def _tell(self) -> None:
        """Log what is new since the last list."""
        logger.info("MCP server %s: %d tools", self._server, len(self.now.tools))
        for finding in self.now.findings:
            if finding not in self._told:
                logger.warning("MCP server %s: %s", self._server, finding)
        for change in self.now.changed:
            if change not in self._told:
                logger.warning(
                    "MCP server %s: the tool %s is %s since it was pinned; if that is right: "
                    "frontdesk mcp accept %s\n%s",
                    self._server,
                    change.tool,
                    change.kind,
                    self._server,
                    change.diff,
                )
        self._told = {*self.now.findings, *self.now.changed}
