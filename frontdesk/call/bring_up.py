"""Brings a loaded team up: its agents, its voice, warm before the first caller."""

import asyncio
import re
from weakref import WeakSet

from frontdesk.call.live_team import LiveTeam
from frontdesk.call.rehearsing import Rehearsal
from frontdesk.desk.languages import codes
from frontdesk.desk.loader import LoadedTeam
from frontdesk.desk.problems import Problem
from frontdesk.desk.voice import SpeechToTextChoice, TextToSpeechChoice
from frontdesk.mcp.connections import McpConnections
from frontdesk.settings import Settings
from frontdesk.team.models import ModelRegistry
from frontdesk.team.reach import Reach
from frontdesk.team.runner import TeamRunner
from frontdesk.tracing.capture import Captures
from frontdesk.tracing.processor import first_word
from frontdesk.voice.models import VoiceModels, build_voice
from frontdesk.voice.phrases import PhraseCache
from frontdesk.warmth import AT_START

_FIELD = re.compile(r"(\w+(?:\.[\w-]+)+)\b")
"""What messages about a section begin with: ``tools.estimate``, ``models.main of team …``."""


class BringUp:
    """What all teams of a worker share. Versions of a team whose voice is the same have the same
    speech models: those are large, and stay until the worker stops."""

    def __init__(self, settings: Settings, mcp: McpConnections, captures: Captures) -> None:
        self._settings = settings
        self._captures = captures
        self._mcp = mcp
        self._models = ModelRegistry(settings, first_word=first_word)
        self._reach = Reach(self._models)
        self._phrases = PhraseCache()
        self._rehearsals: WeakSet[Rehearsal] = WeakSet()
        self._voices: list[
            tuple[SpeechToTextChoice, TextToSpeechChoice, tuple[str, ...], VoiceModels]
        ] = []

    async def __call__(self, loaded: LoadedTeam) -> LiveTeam:
        """Raises what is wrong with the team beyond its file: a function that cannot be imported,
        a model without a key."""
        team = loaded.team
        runner = TeamRunner(
            team,
            desk_root=loaded.root,
            prompt=loaded.prompt,
            mcp=self._mcp,
            models=self._models,
            trace_content=self._captures.most.within(team.captured).words,
            judges=loaded.judges,
            sources=loaded.sources,
        )
        try:
            voice = await asyncio.to_thread(self._voice, loaded)
            await asyncio.gather(voice.warm_up(), self._start(runner))
        except BaseException:
            await runner.aclose()
            raise
        redact = runner.redact
        redaction = self._captures.redaction(team.name, redact) if redact else None
        capture = self._captures.most.within(team.captured, redaction)
        self._captures.expect(capture)
        live = LiveTeam(loaded, runner, voice, self._phrases, capture, self._reach)
        self._rehearsals.add(live.rehearsal)
        return live

    async def _start(self, runner: TeamRunner) -> None:
        await runner.start()
        await self._reach.look(runner.team, AT_START)

    def _voice(self, loaded: LoadedTeam) -> VoiceModels:
        voice, spoken = loaded.team.voice, codes(loaded.team)
        for stt, tts, among, models in self._voices:
            if (stt, tts, among) == (voice.stt, voice.tts, spoken):
                return models
        models = build_voice(voice, self._settings.models, spoken)
        self._voices.append((voice.stt, voice.tts, spoken, models))
        return models

    async def aclose(self) -> None:
        for rehearsal in list(self._rehearsals):
            await rehearsal.aclose()
        for *_, models in self._voices:
            await models.aclose()
        await self._models.aclose()


def problem_with(loaded: LoadedTeam, error: Exception) -> Problem:
    """What kept a team from coming up, at the place in its file that the message names."""
    message = str(error) or type(error).__name__
    named = _FIELD.match(message)
    location = tuple(named[1].split(".")) if named else ()
    return loaded.document.key_problem(location, message)
