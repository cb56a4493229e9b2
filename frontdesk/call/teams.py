"""The teams of a worker, each in the versions that new calls get and that calls still run on."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from frontdesk.call.bring_up import problem_with
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.team_report import Trouble, Versions, report
from frontdesk.desk.kept import made_of, remade
from frontdesk.desk.loader import LoadedTeam, ReadTeams, read_teams
from frontdesk.desk.problems import DeskError, Problem
from frontdesk.settings import Settings
from frontdesk.state.entries import CallState
from frontdesk.state.errors import Unreadable
from frontdesk.state.versions import Pin, VersionStore

logger = logging.getLogger(__name__)


class UnknownVersion(LookupError):
    """There is no such version of the team, or not any more."""


class UnusableVersion(Exception):
    """The version is known, but cannot be brought up now. The message says why."""


class Teams(Mapping[str, LiveTeam]):
    """As a mapping: what new calls get, by the team's name.

    ``in_use`` are the teams of the calls under way, one for each call. A version that is neither
    that nor what new calls may get is let go, and brought up again from the store when a call
    comes back that began with it.
    """

    def __init__(
        self,
        settings: Settings,
        bring_up: Callable[[LoadedTeam], Awaitable[LiveTeam]],
        store: VersionStore,
        in_use: Callable[[], Iterable[LiveTeam]],
    ) -> None:
        self._settings = settings
        self._bring_up = bring_up
        self._store = store
        self._in_use = in_use
        self._teams: dict[str, Versions] = {}
        self._up: list[LiveTeam] = []
        self._strays: dict[Path, Trouble] = {}
        """What is wrong with files of teams that never came up."""
        self._changing = asyncio.Lock()

    def __getitem__(self, name: str) -> LiveTeam:
        return self._teams[name].current

    def __iter__(self) -> Iterator[str]:
        return iter(self._teams)

    def __len__(self) -> int:
        return len(self._teams)

    def named(self, name: str | None) -> LiveTeam:
        """The team called ``name``, or the default one."""
        default = self._settings.team or next(iter(self))
        return self.get(name or default) or self[default]

    async def of(self, state: CallState) -> LiveTeam:
        """The version of its team that a call began with, as long as that is known."""
        return await self.version(state.team, state.team_version) or self.named(state.team)

    async def start(self, loaded: Iterable[LoadedTeam]) -> None:
        """Bring the teams of the desk up. Raises what is wrong with one."""
        for team in loaded:
            await self._adopt(team)
        await self.follow()

    @property
    def troubled(self) -> bool:
        """Whether something is wrong with the files of the desk."""
        return bool(self._strays) or any(team.trouble for team in self._teams.values())

    def sources(self) -> set[Path]:
        """The files that the newest versions were read from, secrets included."""
        newest = [team.newest.loaded for team in self._teams.values()]
        return {path for team in newest for path in (*team.sources, *team.secrets)}

    async def version(self, name: str, version: str) -> LiveTeam | None:
        """The version that a call began with; None when it can't be had any more, which is
        logged."""
        try:
            return await self._find(name, version)
        except (UnknownVersion, UnusableVersion, RedisError) as error:
            logger.warning("a call of team %s goes on with another version: %s", name, error)
            return None

    async def reload(self) -> None:
        """Take up what the files say by now. Calls under way keep what they have; what is wrong
        is told, and the version before it stays in use."""
        async with self._changing:
            root, overlay = self._settings.desk, self._settings.overlay
            try:
                read = await asyncio.to_thread(read_teams, root, overlay=overlay)
            except DeskError as error:
                for name in self._teams:
                    self._refuse(name, error.problems)
                return
            for team in read.teams.values():
                await self._take(team)
            self._blame(read)
            self._let_go(read)
        await self.retire()

    async def choose(self, name: str, version: str | None) -> None:
        """Point the new calls of a team at a ``version``, on all workers and for good; None: at
        what the files say. Raises :class:`UnknownVersion`, :class:`UnusableVersion`,
        ``RedisError``."""
        if name not in self._teams:
            raise UnknownVersion(f"There is no team {name!r}.")
        if version is not None:
            await self._find(name, version)
        await self._store.pin(name, None if version is None else Pin(version, time.time()))
        await self.follow()

    async def follow(self) -> None:
        """Do as was chosen for new calls, on this worker or another."""
        try:
            pins = await self._store.pins()
            for name, team in self._teams.items():
                team.known = await self._store.known(name)
        except RedisError as error:
            logger.debug("the store does not say which versions were chosen: %s", error)
            return
        for name, team in self._teams.items():
            if (pin := pins.get(name)) != team.pin:
                await self._point(name, team, pin)
        await self.retire()

    async def retire(self) -> None:
        """Let go of versions that nobody needs."""
        needed = {*self._in_use()}
        for team in self._teams.values():
            needed |= {team.newest, team.current}
        for live in [live for live in self._up if live not in needed]:
            self._up.remove(live)
            await live.runner.aclose()

    async def aclose(self) -> None:
        for live in self._up:
            await live.runner.aclose()

    def describe(self) -> dict[str, Any]:
        """All there is to tell; see :mod:`frontdesk.call.team_report`."""
        return report(self._settings.desk, self._teams, self._strays, self._in_use())

    async def _find(self, name: str, version: str) -> LiveTeam:
        """A version that is up, or is brought up again."""
        if live := self._find_up(name, version):
            return live
        async with self._changing:
            if live := self._find_up(name, version):
                return live
            try:
                kept = await self._store.made_of(name, version)
            except Unreadable as error:
                raise UnusableVersion(str(error)) from error
            if kept is None:
                raise UnknownVersion(f"There is no version {version!r} of team {name!r}.")
            try:
                loaded = await asyncio.to_thread(remade, self._settings.desk, kept)
                live = await self._bring_up(loaded)
            except Exception as error:
                message = f"Version {version} of team {name!r} can't be brought up: {error}"
                raise UnusableVersion(message) from error
            self._up.append(live)
            return live

    def _find_up(self, name: str, version: str) -> LiveTeam | None:
        for live in reversed(self._up):
            if (live.loaded.team.name, live.version) == (name, version):
                return live
        return None

    async def _point(self, name: str, team: Versions, pin: Pin | None) -> None:
        team.pin, team.chosen = pin, None
        if pin is not None:
            try:
                team.chosen = await self._find(name, pin.version)
            except (UnknownVersion, UnusableVersion) as error:
                message = f"version {pin.version} was chosen for new calls. {error}"
                self._refuse(name, (Problem(team.newest.loaded.path, 1, 1, message),))
                return
        logger.warning("team %s: new calls get version %s", name, team.current.version)

    async def _take(self, loaded: LoadedTeam) -> None:
        """Bring up what the files of one team say, if that is new."""
        known = self._teams.get(loaded.team.name)
        if known is not None and _same(known.newest.loaded, loaded):
            known.trouble = None
            return
        try:
            await self._adopt(loaded)
        except Exception as error:
            problem = problem_with(loaded, error)
            if known is None:
                self._stray(loaded.path, (problem,))
            else:
                self._refuse(loaded.team.name, (problem,))

    async def _adopt(self, loaded: LoadedTeam) -> None:
        live = await self._bring_up(loaded)
        self._up.append(live)
        name, now = loaded.team.name, time.time()
        team = self._teams.setdefault(name, Versions(live))
        team.newest, team.trouble = live, None
        team.known.setdefault(live.version, now)
        try:
            kept = made_of(loaded, self._settings.overlay)
            await self._store.keep(name, live.version, kept, now)
        except RedisError as error:
            logger.warning("version %s of team %s is not kept: %s", live.version, name, error)
        logger.info("team %s: version %s is loaded", name, live.version)

    def _blame(self, read: ReadTeams) -> None:
        """Tell what is wrong with files, at the team that they were."""
        teams = {team.newest.loaded.path: name for name, team in self._teams.items()}
        self._strays = {path: why for path, why in self._strays.items() if path in read.problems}
        for path, problems in read.problems.items():
            if path in teams:
                self._refuse(teams[path], problems)
            else:
                self._stray(path, problems)

    def _let_go(self, read: ReadTeams) -> None:
        """Teams whose files are gone take no new calls."""
        default = self._settings.team or next(iter(self._teams))
        for name, team in [*self._teams.items()]:
            path = team.newest.loaded.path
            if name in read.teams or path in read.problems:
                continue
            if name == default:
                message = "the file of the team that calls get by default is gone"
                self._refuse(name, (Problem(path, 1, 1, message),))
            else:
                del self._teams[name]
                logger.warning("team %s: its file is gone, new calls can't have it", name)

    def _refuse(self, name: str, problems: tuple[Problem, ...]) -> None:
        """Keep what a team is, and say why."""
        team = self._teams[name]
        if team.trouble is None or team.trouble.problems != problems:
            team.trouble = Trouble(time.time(), problems)
            logger.error(
                "team %s: version %s stays in use, for what its files say is wrong:\n%s",
                name,
                team.current.version,
                "\n".join(map(str, problems)),
            )

    def _stray(self, path: Path, problems: tuple[Problem, ...]) -> None:
        known = self._strays.get(path)
        if known is None or known.problems != problems:
            self._strays[path] = Trouble(time.time(), problems)
            logger.error("no team comes of %s:\n%s", path, "\n".join(map(str, problems)))


def _same(one: LoadedTeam, other: LoadedTeam) -> bool:
    """Whether two loads are of the same files, with the same secrets."""
    return (one.version, one.secrets) == (other.version, other.secrets)
