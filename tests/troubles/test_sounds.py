"""Sound files that are none, sound in every format, and sound that is no English."""

import asyncio
import shutil
import subprocess

import numpy as np
import pytest
import soundfile
import soxr

from frontdesk.client.caller import place
from frontdesk.voice.audio import read_wav

RATE = 24_000
MURMUR = 0.3 * np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE)
PAUSE = np.zeros(RATE // 2)


def wav(path, rate=RATE, channels=1, subtype="PCM_16"):
    """A second of tone, which instant models take for speech, between pauses."""
    sound = soxr.resample(np.concatenate([PAUSE, MURMUR, PAUSE]), RATE, rate)
    soundfile.write(path, np.stack([sound] * channels, axis=1), rate, subtype=subtype)
    return path


def test_what_is_no_sound_file_is_told(frontdesk, server, tmp_path):
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(RATE), RATE)
    no_sound = tmp_path / "text.wav"
    no_sound.write_text("hello")
    empty = tmp_path / "empty.wav"
    empty.touch()
    nothing = tmp_path / "nothing.wav"
    soundfile.write(nothing, np.zeros(0), RATE)
    cut = tmp_path / "cut.wav"
    cut.write_bytes(wav(tmp_path / "whole.wav").read_bytes()[:40])
    for file, told in (
        (tmp_path / "missing.wav", "no such file"),
        (tmp_path, "no such file"),
        (no_sound, "no sound file that can be read"),
        (empty, "no sound file that can be read"),
        (nothing, "holds no audio"),
        (cut, ""),
        (silence, "was there speech in the file?"),
    ):
        code, printed = frontdesk("call", file, "--url", server.url)
        assert code == 1, file
        assert told in printed
    out = tmp_path / "nowhere" / "out.wav"
    code, printed = frontdesk("call", silence, "--url", server.url, "--out", out)
    assert code == 1
    assert f"{out}: the recording cannot be written" in printed


FORMATS = [
    {"rate": 8000, "subtype": "ULAW"},
    {"rate": 44_100, "channels": 2},
    {"rate": 48_000, "subtype": "PCM_24"},
    {"rate": 96_000, "channels": 6, "subtype": "FLOAT"},
]


async def test_sound_in_any_format_is_answered(server, tmp_path):
    async def call(number, how):
        speech = read_wav(wav(tmp_path / f"{number}.wav", **how), RATE)
        async with place(f"{server.url}/v1", model="support") as caller:
            await caller.say(speech)
            return await asyncio.wait_for(caller.answers.get(), 40)

    answers = await asyncio.gather(*(call(number, how) for number, how in enumerate(FORMATS)))
    assert [answer.heard for answer in answers] == 4 * ["one second of speech"]
    assert all(answer.status == "completed" for answer in answers)


ESPEAK = shutil.which("espeak-ng")


def spoken(voice, text):
    """What a stranger says, as 24 kHz samples."""
    command = [ESPEAK, "-v", voice, "--stdout", text]
    out = subprocess.run(command, capture_output=True, check=True).stdout
    samples = np.frombuffer(out[44:], "<i2") / 32768
    return soxr.resample(samples, 22_050, RATE)


@pytest.mark.embedded
@pytest.mark.skipif(ESPEAK is None, reason="no espeak-ng on this machine")
async def test_noise_and_foreign_speech_are_answered_honestly(embedded, dial, answer_of, sounds):
    server = embedded
    noise = np.random.default_rng(7).normal(0, 0.1, 2 * RATE)
    line = await dial(server)
    await line.configure(audio={"input": {"transcription": {"model": "whisper-1"}}})
    await line.speak(noise, sounds.silence, sounds.silence)
    await line.send("input_audio_buffer.clear")
    await line.until("input_audio_buffer.cleared")
    assert "input_audio_buffer.speech_started" not in [event["type"] for event in line.events]
    for voice, text in (
        ("ko", "안녕하세요, 제 주문이 어디에 있는지 알고 싶습니다."),
        ("de", "Guten Tag, ich möchte wissen, wann mein Paket ankommt."),
    ):
        _, response = await line.spoken(spoken(voice, text))
        assert response["status"] == "completed"
        assert answer_of(response)
    assert (await line.ask("What is your return policy?"))["status"] == "completed"
