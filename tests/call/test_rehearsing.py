"""What a team is known to say is spoken once before anybody needs it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from frontdesk.call import rehearsing
from frontdesk.call.rehearsing import Rehearsal
from frontdesk.desk.schema import Team
from frontdesk.voice.base import Samples, SpeechError
from frontdesk.voice.energy import EnergyActivity
from frontdesk.voice.instant.speech import InstantSpeech
from frontdesk.voice.instant.transcription import InstantTranscriber
from frontdesk.voice.loudness import Levels
from frontdesk.voice.models import VoiceModels
from frontdesk.voice.phrases import PhraseCache
from frontdesk.voice.speaker import Speaker

TEAM = Team.model_validate(
    {
        "version": 1,
        "name": "shop",
        "entry": "desk",
        "agents": {
            "desk": {
                "description": "d",
                "instructions": "x",
                "handoffs": [{"to": "post", "say": "Hold the line."}],
            },
            "post": {"description": "d", "instructions": "x", "voice": "low"},
        },
        "lines": {"waiting": "Just a second."},
    }
)


class Voice(InstantSpeech):
    elsewhere = True

    def __init__(self) -> None:
        self.said: list[tuple[str | None, str]] = []
        self.down = False

    async def synthesize(
        self, text: str, *, voice: str | None = None, style: str | None = None, speed: float = 1.0
    ) -> AsyncIterator[Samples]:
        self.said.append((voice, text))
        if self.down:
            raise SpeechError("down")
        async for chunk in super().synthesize(text):
            yield chunk


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> VoiceModels:
    monkeypatch.setattr(rehearsing, "_IDLE", 0)
    return VoiceModels(InstantTranscriber(), Voice(), EnergyActivity, levels=Levels())


async def finished(rehearsal: Rehearsal) -> None:
    assert rehearsal._task is not None
    await asyncio.wait_for(rehearsal._task, 30)


async def test_fixed_lines_are_kept_in_the_voice_of_each_agent(models: VoiceModels) -> None:
    phrases, voice = PhraseCache(), models.tts
    assert isinstance(voice, Voice)
    rehearsal = Rehearsal(TEAM, models, phrases)
    rehearsal.begin()
    rehearsal.begin()
    await finished(rehearsal)
    assert voice.said[0] == (None, "Just a second.")
    assert ("low", "Just a second.") in voice.said
    assert (None, "Hold the line.") in voice.said
    assert not any("{" in line for _, line in voice.said)
    assert len(set(voice.said)) == len(voice.said)
    voice.down = True  # which callers do not hear
    speaker = Speaker(voice, "low", cache=phrases, levels=models.levels)

    async def line() -> AsyncIterator[str]:
        yield "Just a second."

    assert [chunk async for chunk in speaker.speak(line()) if len(chunk.audio)]


async def test_callers_go_first(models: VoiceModels) -> None:
    caller, voice = object(), models.tts
    assert isinstance(voice, Voice)
    models.at_work.add(caller)
    rehearsal = Rehearsal(TEAM, models, PhraseCache())
    rehearsal.begin()
    for _ in range(20):
        await asyncio.sleep(0)
    assert voice.said == []
    models.at_work.discard(caller)
    while not voice.said:  # noqa: ASYNC110 (yields, does not poll)
        await asyncio.sleep(0)
    models.at_work.add(caller)  # in the middle of a line, which is begun anew
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(voice.said) == 1
    models.at_work.discard(caller)
    await finished(rehearsal)
    assert voice.said[:2] == [(None, "Just a second.")] * 2


async def test_a_voice_that_is_down_ends_the_rehearsal_and_nothing_else(
    models: VoiceModels,
) -> None:
    assert isinstance(models.tts, Voice)
    models.tts.down = True
    rehearsal = Rehearsal(TEAM, models, PhraseCache())
    rehearsal.begin()
    await finished(rehearsal)
    assert len(models.tts.said) == 1
    await rehearsal.aclose()
