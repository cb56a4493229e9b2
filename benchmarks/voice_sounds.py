"""Sounds that a corpus of calls is made of: voices of this machine, noise, a telephone line.

Everything is made where it is needed and is the same each time. A voice that is spoken once is kept
in a folder of its own; nothing of others is part of this repository.
"""

import asyncio
import hashlib
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from frontdesk.desk.voice import TextToSpeechChoice
from frontdesk.voice.audio import first_audible, pcm16_to_samples, read_wav, resample
from frontdesk.voice.base import OUTPUT_RATE, Samples
from frontdesk.voice.g711 import MULAW
from frontdesk.voice.registry import provider

RATE = OUTPUT_RATE
MS = RATE // 1000
LEVEL = 0.08
"""RMS of speech while it lasts: 22 dB below full scale, as telephone networks aim at."""
ROOM = 0.0002
"""RMS of a silent room's noise, 74 dB below full scale: no line is mathematically silent."""
PHONE_RATE = 8000
PHONE_BAND = (300, 3400)
"""Hz that a telephone line lets through."""
CACHE = Path(tempfile.gettempdir()) / "frontdesk-voice-corpus"


def voices() -> list[str]:
    """Those of this machine, as ``engine:voice``."""
    found = ["hibari:heart", "hibari:heart-low", "hibari:heart-high"]
    if shutil.which("espeak-ng"):
        found += ["espeak:en-us", "espeak:en-gb", "espeak:en-us+f3"]
    if _flite():
        found += ["flite:slt", "flite:rms", "flite:awb"]
    return found


def other_voices() -> list[str]:
    """Others, for turns that no weight is chosen on; Hibari has no more than those."""
    found = ["hibari:heart", "hibari:heart-low", "hibari:heart-high"]
    if shutil.which("espeak-ng"):
        found += ["espeak:en-gb-scotland", "espeak:en-us+m3", "espeak:en-gb-x-rp+f4"]
    if _flite():
        found += ["flite:kal16", "flite:kal"]
    return found


def speak(voice: str, text: str, speed: float = 1.0) -> Samples:
    """A sentence, from its first to its last audible sample."""
    name = hashlib.sha256(f"{voice} {speed} {text}".encode()).hexdigest()[:24]
    kept = CACHE / f"{name}.npy"
    if not kept.is_file():
        engine, _, which = voice.partition(":")
        made = {"hibari": _hibari, "espeak": _espeak, "flite": _flite_speech}[engine]
        CACHE.mkdir(exist_ok=True)
        np.save(kept, trimmed(levelled(made(which, text, speed))))
    return np.load(kept)


def _hibari(voice: str, text: str, speed: float) -> Samples:
    async def spoken() -> Samples:
        speech = mouth.synthesize(text, voice=voice, speed=speed)
        return np.concatenate([chunk async for chunk in speech])

    mouth = _mouth()
    return asyncio.run(spoken())


@cache
def _mouth():
    return provider("frontdesk.tts", "embedded")(TextToSpeechChoice())


def _espeak(voice: str, text: str, speed: float) -> Samples:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "speech.wav"
        pace = str(round(165 * speed))
        subprocess.run(["espeak-ng", "-v", voice, "-s", pace, "-w", file, text], check=True)
        return read_wav(file, RATE)


def _flite_speech(voice: str, text: str, speed: float) -> Samples:
    """By ffmpeg, which Debian builds with flite; the speed by its pitch-keeping filter."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "text").write_text(text, encoding="utf-8")
        source = f"flite=textfile={folder}/text:voice={voice},atempo={speed}"
        command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source]
        told = subprocess.run(
            [*command, "-ar", str(RATE), "-ac", "1", "-f", "s16le", "-"],
            check=True,
            capture_output=True,
        )
    return pcm16_to_samples(told.stdout)


@cache
def _flite() -> bool:
    if not shutil.which("ffmpeg"):
        return False
    told = subprocess.run(["ffmpeg", "-v", "quiet", "-filters"], check=False, capture_output=True)
    return b" flite " in told.stdout


def levelled(samples: Samples) -> Samples:
    """At :data:`LEVEL` while somebody speaks; peaks stay under full scale."""
    loud = samples[np.abs(samples) > np.abs(samples).max() / 30]
    gain = LEVEL / float(np.sqrt(np.mean(np.square(loud))))
    return (samples * min(gain, 0.95 / float(np.abs(samples).max()))).astype(np.float32)


def trimmed(samples: Samples) -> Samples:
    """Without the silence around it."""
    begin, behind = first_audible(samples), first_audible(samples[::-1])
    assert begin is not None
    assert behind is not None
    return samples[begin : len(samples) - behind]


def paused(samples: Samples, about: int, milliseconds: int) -> Samples:
    """With a pause at the quietest place within 150 ms of sample ``about``: the melody of the
    sentence goes on behind it, as with a caller who thinks."""
    near, window = 150 * MS, 10 * MS
    begin, end = max(0, about - near), min(len(samples), about + near)
    power = np.convolve(np.square(samples[begin:end]), np.ones(window) / window, "same")
    at = begin + int(power.argmin())
    fade = np.linspace(0, 1, 5 * MS, dtype=np.float32)
    before, after = samples[:at].copy(), samples[at:].copy()
    before[-len(fade) :] *= fade[::-1]
    after[: len(fade)] *= fade
    return np.concatenate([before, silence(milliseconds), after])


def silence(milliseconds: float) -> Samples:
    return np.zeros(round(milliseconds * MS), np.float32)


def pink(length: int, rms: float, seed: int) -> Samples:
    """Noise whose power falls with the frequency (1/f), as that of rooms and streets does."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(length))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, length)
    return (noise * rms / np.sqrt(np.mean(np.square(noise)))).astype(np.float32)


def by_phone(samples: Samples) -> Samples:
    """As a telephone line of 8 kHz with mu-law gives it."""
    spectrum = np.fft.rfft(resample(samples, RATE, PHONE_RATE))
    hertz = np.linspace(0, PHONE_RATE / 2, len(spectrum))
    spectrum[(hertz < PHONE_BAND[0]) | (hertz > PHONE_BAND[1])] = 0
    line = np.clip(np.fft.irfft(spectrum), -1, 32767 / 32768)
    coded = MULAW.encode((line * 32768).astype(np.int16))
    return resample(MULAW.decode(coded), PHONE_RATE, RATE)


THROAT = ((650, 120, 1.0), (1150, 150, 0.6), (2500, 250, 0.25))
"""Resonances of an open throat: Hz, width, weight."""
NOSE = ((250, 80, 1.0), (1100, 200, 0.1), (2200, 300, 0.03))
"""Of a closed mouth."""
COUGH = ((60, 0.8), (170, 0.5), (120, 0.0), (50, 0.6), (150, 0.4))
"""Milliseconds and loudness: a burst and a voiced rest, twice."""


def cough(seed: int, *, voiced: float = 0.3, pitch: float = 190) -> Samples:
    """Bursts of breath through a throat, each with a ``voiced`` rest of falling ``pitch``: voice
    activity takes 60 to 200 ms of it for speech."""
    random = np.random.default_rng(seed)
    parts: list[Samples] = []
    for milliseconds, loud in COUGH:
        length, burst = milliseconds * MS, milliseconds < 100
        time = np.arange(length) / RATE
        source = random.standard_normal(length)
        if not burst:
            pulses = _pulses(pitch * (1 - 0.35 * time / time[-1]))
            source = (1 - voiced) * source + voiced * np.sqrt(RATE / pitch) * pulses
        sound = _through(source * np.exp(-time / (0.03 if burst else 0.09)), THROAT)
        parts.append((loud * sound / np.abs(sound).max()).astype(np.float32))
    return np.concatenate(parts)


def murmur(resonances: tuple[tuple[float, float, float], ...], pitch: float) -> Samples:
    """Two syllables of half a second, the second higher, with a breath between: "uh-huh" through
    the throat, "mm-hmm" through the nose. Voices that read make other words of these letters."""
    time = np.arange(550 * MS) / RATE
    melody = pitch * np.interp(time, [0, 0.2, 0.25, 0.55], [1, 0.87, 1.13, 1.24])
    loud = np.interp(
        time, [0, 0.03, 0.17, 0.22, 0.27, 0.33, 0.48, 0.55], [0, 1, 0.9, 0.05, 0.1, 1, 0.8, 0]
    )
    breath = np.random.default_rng(1).standard_normal(len(time))
    between = np.interp(time, [0.16, 0.2, 0.26, 0.3], [0, 1, 1, 0])
    source = _pulses(melody) * loud + 0.02 * breath * between
    return trimmed(levelled(_through(source, resonances).astype(np.float32)))


def _pulses(melody: NDArray[np.float64]) -> NDArray[np.float64]:
    """One for each opening of the glottis, at a pitch of so many Hz."""
    phase = np.cumsum(melody) / RATE
    return (np.diff(np.floor(phase), prepend=0) > 0).astype(np.float64)


def _through(source: Samples, resonances: tuple[tuple[float, float, float], ...]) -> Samples:
    spectrum = np.fft.rfft(source)
    hertz = np.linspace(0, RATE / 2, len(spectrum))
    shape = sum(weight / (1 + ((hertz - at) / width) ** 2) for at, width, weight in resonances)
    return np.fft.irfft(spectrum * shape, len(source))


def slam(seed: int) -> Samples:
    """A door: a low thud with a rattle behind."""
    length = 350 * MS
    time = np.arange(length) / RATE
    rattle = np.random.default_rng(seed).standard_normal(length) * np.exp(-time / 0.03)
    thud = np.sin(2 * np.pi * 70 * time) * np.exp(-time / 0.08)
    sound = 0.5 * thud + 0.15 * rattle
    return (0.6 * sound / np.abs(sound).max()).astype(np.float32)


def keys(seed: int) -> Samples:
    """A keyboard: eight clicks of 4 ms in a second."""
    random = np.random.default_rng(seed)
    sound = np.zeros(RATE, np.float32)
    for n in range(8):
        at = n * RATE // 8 + int(random.integers(0, 20 * MS))
        click = random.standard_normal(4 * MS) * np.exp(-np.arange(4 * MS) / MS)
        sound[at : at + 4 * MS] += (0.2 * click / np.abs(click).max()).astype(np.float32)
    return sound
