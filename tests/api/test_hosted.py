"""The endpoints on hosted models: the provider is a second server of ours."""

import io

import pytest
import soundfile

from frontdesk.desk.voice import SpeechToTextChoice, TextToSpeechChoice
from frontdesk.voice.energy import EnergyActivity
from frontdesk.voice.models import VoiceModels
from frontdesk.voice.openai import live_transcription, speech


@pytest.fixture
async def models(behind):
    where = {"provider": "openai-compatible", "base_url": f"{behind.client.base_url}/v1"}
    stt = live_transcription.create(SpeechToTextChoice(**where, model="ears"))
    tts = speech.create(TextToSpeechChoice(**where, model="voices", voice="ash"))
    models = VoiceModels(stt, tts, EnergyActivity)
    yield models
    await models.aclose()


async def test_text_is_spoken_by_the_provider(front, behind):
    answer = await front.speak(
        input="One. Two.", response_format="wav", instructions="Softly.", speed=1.25
    )
    samples, rate = soundfile.read(io.BytesIO(answer.content))
    assert len(samples) / rate == pytest.approx(2, abs=0.2)
    assert sorted(behind.mouth.asked) == [  # asked for at once, over two connections
        ("One.", "ash", "Softly.", 1.25),
        ("Two.", "ash", "Softly.", 1.25),
    ]
    assert behind.named == ["voices", "voices"]


async def test_a_voice_that_is_not_the_providers_is_the_teams(front, behind):
    own = next(iter(front.teams.values())).loaded.team.voice.tts.voice
    await front.speak(voice="shimmer")
    assert behind.mouth.asked[0][1] == (own or "ash")


async def test_files_are_heard_by_the_provider_piece_by_piece(front, behind, recording):
    sound = recording(1.5, -1, 2, -1)
    answer = await front.hear(sound, language="de", prompt="Lampen", response_format="text")
    assert answer.text == "Piece 0. Piece 1.\n"
    assert behind.ear.asked == [("de", "Lampen")] * 2
    assert behind.named == ["ears", "ears"]


async def test_a_provider_that_fails_is_a_server_error_without_its_words(
    front, behind, recording, refused
):
    behind.mouth.fails = range(9)
    behind.ear.fails_at = 0
    refused(await front.speak(), "speech_failed", None)
    refused(await front.hear(recording(1, -1)), "transcription_failed", None)
