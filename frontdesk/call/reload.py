"""Takes up what changes while a worker runs: files of the desk, choices made on other workers."""

import asyncio
import logging

from frontdesk.call.teams import Teams
from frontdesk.desk.loader import mcp_config
from frontdesk.desk.prices import read_prices
from frontdesk.desk.problems import DeskError
from frontdesk.desk.watch import Watch
from frontdesk.mcp.config import McpConfigError, load_servers
from frontdesk.mcp.connections import McpConnections
from frontdesk.settings import Settings
from frontdesk.tracing.pricing import Pricing

logger = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks. A change is taken up after the second look that finds it alike."""


class Reload:
    """One task of a worker. All that takes long happens in threads; calls go on."""

    def __init__(
        self,
        settings: Settings,
        watch: Watch,
        teams: Teams,
        mcp: McpConnections,
        pricing: Pricing,
    ) -> None:
        self._settings = settings
        self._watch = watch
        self._teams = teams
        self._mcp = mcp
        self._pricing = pricing
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def look(self) -> None:
        """Take up what has changed and come to rest."""
        changed = self._watch.changed
        if self._settings.reload and await asyncio.to_thread(changed, self._teams.sources()):
            self._plug_in()
            self._take_prices()
            await self._teams.reload()
        await self._teams.follow()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self.look()
            except Exception:
                logger.exception("changes of the desk cannot be taken up")

    def _take_prices(self) -> None:
        """What spans cost from now on."""
        try:
            self._pricing.prices = read_prices(self._settings.desk)
        except DeskError as error:
            logger.error("the prices stay as they were, for these have a mistake: %s", error)

    def _plug_in(self) -> None:
        """Connect to servers that are new in mcp.json."""
        config = mcp_config(self._settings.desk)
        try:
            self._mcp.add(load_servers(config) if config.is_file() else {})
        except McpConfigError as error:
            logger.error("no server of mcp.json is taken up, for it has a mistake: %s", error)
