"""What the embedded models say, they understand: through both endpoints, in every format."""

import re

import pytest

from frontdesk.desk.voice import Voice
from frontdesk.voice.models import build_voice

pytestmark = pytest.mark.embedded

TEXT = (
    "I would like to know where my order is. It was a desk lamp, and I ordered it two weeks ago. "
    "Could you please check that for me? Thank you very much."
)


@pytest.fixture(scope="module")
def voice():
    return build_voice(Voice(), "embedded")


@pytest.fixture
def models(voice):
    return voice


def words(text):
    return re.findall(r"[a-z]+", text.lower())


@pytest.mark.parametrize("file_format", ["mp3", "opus", "flac", "wav"])
async def test_spoken_text_is_understood(front, file_format):
    sound = await front.speak(input=TEXT, voice="alloy", response_format=file_format)
    told = (await front.hear(sound.content, language="en", response_format="verbose_json")).json()
    assert words(told["text"]) == words(TEXT)
    first, last = told["segments"][0], told["segments"][-1]
    assert first["start"] < 0.5
    assert told["duration"] - 1 < last["end"] <= told["duration"]
    assert all(segment["no_speech_prob"] < 0.5 for segment in told["segments"])


@pytest.mark.parametrize("speed", [0.5, 1.5, 2])
async def test_speed_is_the_speed_of_speech(front, speed):
    plain = len((await front.speak(input=TEXT, response_format="pcm")).content)
    other = await front.speak(input=TEXT, response_format="pcm", speed=speed)
    assert plain / len(other.content) == pytest.approx(speed, rel=0.15)
    wav = await front.speak(input=TEXT, response_format="wav", speed=speed)
    told = (await front.hear(wav.content)).json()["text"]
    # Not all of it: the transcriber gives up on speech of more than some words a second.
    assert words(told)[:5] == words(TEXT)[:5]


async def test_what_the_models_cannot_follow_is_refused(front, refused):
    sound = (await front.speak(input="Hello there.", response_format="wav")).content
    refused(await front.hear(sound, language="ko"), "unsupported_value", "language")
    refused(await front.hear(sound, prompt="Lamps."), "unsupported_value", "prompt")
