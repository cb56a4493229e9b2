"""A voice over the agent's is told from its first sign; a knock is not taken for one."""

import numpy as np
import pytest

from frontdesk.desk.voice import TurnDetection
from frontdesk.voice.listener import Listener
from frontdesk.voice.models import VoiceModels
from frontdesk.voice.onset import Onset, level_db, sharpness
from frontdesk.voice.segment import SpeechStarted, SpeechStopped, TurnLikely, TurnWentOn


def test_one_look_is_enough_for_what_does_not_fall():
    onset = Onset()
    assert not onset.look(0.1, -60, 0.5)
    assert onset.look(0.6, -30, 0.5)


def test_what_dies_away_has_to_be_heard_twice():
    onset = Onset()
    onset.look(0.1, -20, 0.5)
    assert not onset.look(0.6, -25, 0.5)
    assert not onset.look(0.2, -30, 0.5)
    assert not onset.look(0.6, -36, 0.5)
    assert onset.look(0.6, -40, 0.5)


def test_a_hiss_that_lasts_tells_that_a_voice_will_come():
    onset = Onset()
    onset.look(0.0, -70, 0.5)
    assert not onset.look(0.0, -44, 0.5, sharp=2.8)
    assert not onset.look(0.0, -38, 0.5, sharp=2.8)
    assert onset.look(0.0, -36, 0.5, sharp=2.8)
    assert onset.hissed
    assert onset.look(0.9, -30, 0.5, sharp=0.1)
    assert not onset.hissed


@pytest.mark.parametrize(
    "looks",
    [
        [(-40, 1.9)] * 6,  # as sharp as white noise
        [(-20, 2.8), (-30, 2.8), (-40, 2.8), (-46, 2.8)],  # a click dies away
        [(-55, 2.8)] * 6,  # hardly to be heard
        [(-40, 2.8), (-40, 2.8), (-70, 0.0), (-40, 2.8), (-40, 2.8)],  # broken off
    ],
)
def test_other_noises_do_not(looks):
    onset = Onset()
    onset.look(0.0, -70, 0.5)
    for level, sharp in looks:
        assert not (onset.stands_out(level) and onset.look(0.0, level, 0.5, sharp))


def test_sharpness_is_by_frequency():
    time = np.arange(1600) / 16_000
    low, high = (np.sin(2 * np.pi * hz * time).astype(np.float32) for hz in (200, 6000))
    noise = np.random.default_rng(1).standard_normal(16_000).astype(np.float32)
    assert sharpness(low) < 0.01
    assert sharpness(high) == pytest.approx(4 * np.sin(np.pi * 6 / 16) ** 2, rel=0.01)
    assert sharpness(noise) == pytest.approx(2, rel=0.05)
    assert sharpness(np.zeros(256, np.float32)) == 0


def test_silence_is_not_worth_a_look_between_windows():
    onset = Onset()
    assert not onset.stands_out(-70)
    assert onset.stands_out(-30)
    for _ in range(200):
        onset.look(0.0, -40, 0.5)
    assert not onset.stands_out(-36)  # it is noisy there


def test_level_is_in_decibels_of_full_scale():
    assert level_db(np.ones(256, np.float32)) == pytest.approx(0)
    assert level_db(np.full(256, 0.1, np.float32)) == pytest.approx(-20, abs=0.01)


class ByLevel:
    """Speech is what is loud; can be asked between two windows."""

    window, context = 512, 64

    def __call__(self, window):
        return float(np.abs(window).max() > 0.1)

    def peek(self, samples):
        assert len(samples) == self.window + self.context
        return float(np.abs(samples).max() > 0.1)

    def reset(self):
        pass


class NoWords:
    name = "none"

    def stream(self, *, language=None, prompt=None):
        return self

    def push(self, samples):
        pass

    async def transcript(self):
        raise AssertionError

    async def aclose(self):
        pass


@pytest.mark.parametrize(
    ("over", "heard_ms"),
    [(False, 1024 + 64), (True, 1024 + 16)],  # two windows, or half of one
)
async def test_over_the_agent_half_a_window_tells(over, heard_ms):
    told = []
    models = VoiceModels(NoWords(), None, ByLevel, None)
    rules = TurnDetection(type="server_vad", prefix_padding_ms=0)
    listener = Listener(models, rules, told.append)
    listener.lookout.interrupts = lambda: over
    stream = np.zeros(32_000, np.float32)
    stream[1024 * 16 :] = 0.3
    for at in range(0, len(stream), 16):
        listener.push(stream[at : at + 16])
        if told:
            break
    assert listener.received_ms == pytest.approx(heard_ms, abs=1)
    [started] = told
    assert isinstance(started, SpeechStarted)
    assert abs(started.spoken_ms - 1024) <= 32
    await listener.aclose()


async def test_while_it_may_be_the_agent_itself_no_turn_begins():
    told, doubts = [], True
    rules = TurnDetection(type="server_vad", prefix_padding_ms=300)
    listener = Listener(VoiceModels(NoWords(), None, ByLevel, None), rules, told.append)
    listener.lookout.interrupts = lambda: True
    listener.lookout.doubts = lambda: doubts
    stream = np.zeros(32_000, np.float32)
    stream[1024 * 16 :] = 0.3
    for at in range(0, 1120 * 16, 320):
        listener.push(stream[at : at + 320])
    assert not told
    doubts = False
    listener.push(stream[1120 * 16 : 1160 * 16])
    [started] = told
    assert started.start_ms <= 1024  # nothing of the first word is lost
    await listener.aclose()


class VoiceLow(ByLevel):
    """A voice is what is loud and low."""

    def __call__(self, window):
        return float(np.abs(window).max() > 0.1 and sharpness(window) < 1)

    peek = __call__


@pytest.mark.parametrize("voice", [True, False])
async def test_a_word_that_begins_with_a_hiss_is_told_by_it_and_waited_for(voice):
    told = []
    rules = TurnDetection(type="server_vad", prefix_padding_ms=0, silence_duration_ms=200)
    listener = Listener(VoiceModels(NoWords(), None, VoiceLow, None), rules, told.append)
    listener.lookout.interrupts = lambda: True
    stream = np.zeros(32_000, np.float32)
    hiss, closed = 1024 * 16, (1024 + 120) * 16
    time = np.arange(closed - hiss) / 16_000
    stream[hiss:closed] = 0.3 * np.sin(2 * np.pi * 6000 * time)
    if voice:
        begins = closed + 80 * 16
        stream[begins : begins + 4800] = 0.3 * np.sin(2 * np.pi * 200 * np.arange(4800) / 16_000)
    heard_ms = None
    for at in range(0, len(stream), 160):
        listener.push(stream[at : at + 160])
        if told and heard_ms is None:
            heard_ms = listener.received_ms
    assert heard_ms == 1080  # three looks of 16 ms, in pieces of 10
    kinds = [type(event) for event in told if not isinstance(event, TurnLikely | TurnWentOn)]
    assert kinds == [SpeechStarted, SpeechStopped]  # one turn, not one for the hiss alone
    ended = told[-1].end_ms - 1024
    assert 500 + 200 <= ended < 500 + 264 if voice else 260 + 200 <= ended < 280 + 264
    await listener.aclose()


async def test_while_the_agent_is_silent_a_word_has_to_last():
    told = []
    listener = Listener(
        VoiceModels(NoWords(), None, ByLevel, None), TurnDetection(type="server_vad"), told.append
    )
    stream = np.zeros(32_000, np.float32)
    stream[1024 * 16 : 1054 * 16] = 0.3
    listener.push(stream)
    assert not told
    await listener.aclose()
