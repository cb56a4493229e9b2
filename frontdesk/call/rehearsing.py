"""A team's fixed lines, in its first language, spoken once before anybody needs them.

"One moment, please" has to come at once, and "something went wrong" even when the speech model is
what went wrong. So they are made in the idle moments of a team's first call: a team that nobody
calls costs nothing, and a caller's own words go first.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator

from frontdesk.desk.languages import codes, lines_in, sounding
from frontdesk.desk.schema import Handoff, Team
from frontdesk.voice.base import SpeechError, runs_elsewhere
from frontdesk.voice.cutting import closing
from frontdesk.voice.models import VoiceModels, voice_of
from frontdesk.voice.phrases import PhraseCache
from frontdesk.voice.speaker import Speaker

logger = logging.getLogger(__name__)

_IDLE = 0.5
"""Seconds in which no caller was spoken to: the gap between two clauses is shorter."""
_MOST, _HERE = 48, 16
"""Lines of a team that are rehearsed at most, all voices together; and by a model on this machine,
which makes one in a few milliseconds when it is wanted."""
_FIRST = ("waiting", "slow", "sorry", "unheard", "silence", "blocked")
"""Lines that are wanted soonest."""


class Rehearsal:
    """Of one version of a team. ``phrases`` keep what is made."""

    def __init__(self, team: Team, voice: VoiceModels, phrases: PhraseCache) -> None:
        self._team = team
        self._voice = voice
        self._phrases = phrases
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """A call speaks. Stand-ins for tests have nothing to rehearse."""
        if self._task is None and self._voice.levels is not None:
            self._task = asyncio.create_task(self._run())

    async def aclose(self) -> None:
        """Leave the rest."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            most = _MOST if runs_elsewhere(self._voice.tts) else _HERE
            for agent, line in _lines(self._team)[:most]:
                while not await self._said(agent, line):
                    pass
        except SpeechError as error:  # it is told when somebody wants to hear the line
            logger.info("lines are not rehearsed: %s", error)
        except Exception:
            logger.exception("the speech model has a defect")

    async def _said(self, agent: str, line: str) -> bool:
        """Whether a line was spoken to its end, and no caller was."""
        await self._until_idle()
        speaker = rehearsing(self._team, self._voice, self._phrases, agent)
        async with closing(speaker.speak(_once(line))) as chunks:
            async for _ in chunks:
                if self._voice.at_work:
                    return False
        return True

    async def _until_idle(self) -> None:
        quiet = False
        while not quiet:  # twice in a row: the next clause may be on its way
            quiet = not self._voice.at_work
            await asyncio.sleep(_IDLE)
            quiet = quiet and not self._voice.at_work


def rehearsing(team: Team, voice: VoiceModels, phrases: PhraseCache, agent: str) -> Speaker:
    """The mouth of ``agent``, as calls have it."""
    code = next(iter(codes(team)), None)
    own = sounding(team, voice_of(team, agent), code)
    return Speaker(
        voice.tts,
        voice=own.voice,
        style=own.style,
        speed=own.speed or 1.0,
        language=code,
        cache=phrases,
        levels=voice.levels,
        rehearses=True,
    )


def _lines(team: Team) -> list[tuple[str, str]]:
    """Who says what, the entry agent first, each line once in each voice."""
    agents = [team.entry, *(name for name in team.agents if name != team.entry)]
    found: dict[tuple[object, str], str] = {}
    for agent in agents:
        for line in _said_by(team, agent):
            if "{{" not in line and "{%" not in line:
                found.setdefault((voice_of(team, agent), line), agent)
    return [(agent, line) for (_, line), agent in found.items()]


def _said_by(team: Team, agent: str) -> Iterator[str]:
    lines: dict[str, str] = lines_in(team, next(iter(codes(team)), None)).model_dump()
    uses = (*team.tools.values(), *team.mcp.values())
    yield from (lines[name] for name in _FIRST)
    yield from (use.say_while_waiting for use in uses if use.say_while_waiting)
    edges = team.agents[agent].handoffs
    yield from (edge.say for edge in edges if isinstance(edge, Handoff) and edge.say)
    yield from (line for name, line in lines.items() if name not in _FIRST)


async def _once(line: str) -> AsyncIterator[str]:
    yield line
