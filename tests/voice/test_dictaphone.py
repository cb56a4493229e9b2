import asyncio
import io

import pytest
import soundfile

from frontdesk.desk.voice import SpeechToTextChoice, TextToSpeechChoice, TurnDetection
from frontdesk.voice import dictaphone
from frontdesk.voice.audio import AudioFileError
from frontdesk.voice.base import INPUT_RATE
from frontdesk.voice.dictaphone import Dictaphone
from frontdesk.voice.energy import EnergyActivity
from frontdesk.voice.instant import speech, transcription
from frontdesk.voice.models import VoiceModels
from frontdesk.voice.recordings import Recording

RULES = TurnDetection(type="server_vad")


class Slot(asyncio.Semaphore):
    """Tells when two wait for it, and holds them up until then."""

    def __init__(self) -> None:
        super().__init__(1)
        self.asked = 0
        self.both = asyncio.Event()

    async def acquire(self):
        self.asked += 1
        if self.asked == 2:
            self.both.set()
        await self.both.wait()
        return await super().acquire()


@pytest.fixture
def models():
    stt = transcription.create(SpeechToTextChoice())
    return VoiceModels(stt, speech.create(TextToSpeechChoice()), EnergyActivity)


@pytest.fixture
def recorded(sound):
    def make(*parts):
        file = io.BytesIO()
        soundfile.write(file, sound(*parts), INPUT_RATE, format="WAV")
        file.seek(0)
        return Recording(file)

    return make


async def heard(machine, recording):
    return [piece.transcript.text async for piece in machine.listen(recording)]


async def test_a_recording_is_heard_piece_by_piece(models, recorded):
    machine = Dictaphone(models, RULES, asyncio.Semaphore(1))
    recording = recorded("talk 2000", "hush 900", "talk 1000", "hush 900")
    assert await heard(machine, recording) == ["two seconds of speech", "one second of speech"]
    assert machine.seconds == 4.8


async def test_a_short_recording_does_not_wait_for_a_long_one(models, recorded):
    slot, order = Slot(), []

    async def work(name, *parts):
        await heard(Dictaphone(models, RULES, slot), recorded(*parts))
        order.append(name)

    long = work("long", *["talk 700", "hush 800"] * 20)
    await asyncio.gather(long, work("short", "talk 700", "hush 800"))
    assert order == ["short", "long"]


async def test_a_recording_that_is_too_long_is_refused(models, recorded, monkeypatch):
    monkeypatch.setattr(dictaphone, "LONGEST_HOURS", 0.001)
    machine = Dictaphone(models, RULES, asyncio.Semaphore(1))
    with pytest.raises(AudioFileError, match="cut it"):
        await heard(machine, recorded("hush 4000"))


async def test_a_transcriber_for_recordings_is_used_if_there_is_one(models, recorded):
    aside = transcription.InstantTranscriber(["from aside"])
    models.stt.aside = lambda: aside
    machine = Dictaphone(models, RULES, asyncio.Semaphore(1))
    assert await heard(machine, recorded("talk 700", "hush 800")) == ["from aside"]
