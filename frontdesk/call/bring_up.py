"""Brings a loaded team up: its agents, its voice, warm before the first caller."""

import asyncio
import re

from frontdesk.call.live_team import LiveTeam
from frontdesk.desk.loader import LoadedTeam
from frontdesk.desk.problems import Problem
from frontdesk.desk.schema import SpeechToTextChoice, TextToSpeechChoice
from frontdesk.mcp.connections import McpConnections
from frontdesk.settings import Settings
from frontdesk.team.models import ModelRegistry
from frontdesk.team.runner import TeamRunner
from frontdesk.tracing.capture import Captures
from frontdesk.tracing.processor import first_word
from frontdesk.voice.models import VoiceModels, build_voice
from frontdesk.voice.speaker import PhraseCache

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
        self._phrases = PhraseCache()
        self._voices: list[tuple[SpeechToTextChoice, TextToSpeechChoice, VoiceModels]] = []

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
            await asyncio.gather(voice.warm_up(), runner.start())
        except BaseException:
            await runner.aclose()
            raise
        redact = runner.redact
        redaction = self._captures.redaction(team.name, redact) if redact else None
        capture = self._captures.most.within(team.captured, redaction)
        self._captures.expect(capture)
        return LiveTeam(loaded, runner, voice, self._phrases, capture)

    def _voice(self, loaded: LoadedTeam) -> VoiceModels:
        voice = loaded.team.voice
        for stt, tts, models in self._voices:
            if (stt, tts) == (voice.stt, voice.tts):
                return models
        models = build_voice(voice, self._settings.models)
        self._voices.append((voice.stt, voice.tts, models))
        return models

    async def aclose(self) -> None:
        for _, _, models in self._voices:
            await models.aclose()
        await self._models.aclose()


def problem_with(loaded: LoadedTeam, error: Exception) -> Problem:
    """What kept a team from coming up, at the place in its file that the message names."""
    message = str(error) or type(error).__name__
    named = _FIELD.match(message)
    location = tuple(named[1].split(".")) if named else ()
    return loaded.document.key_problem(location, message)
