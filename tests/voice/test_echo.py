"""The agent's own voice, back through a room, is silenced; whoever speaks over it is heard."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.voice.audio import resample, samples_to_int16
from frontdesk.voice.echo import EchoGuard

SECOND = 16_000


def speech(seconds, seed):
    """Like speech: syllables, each with a spectrum of its own, and pauses between words."""
    rng = np.random.default_rng(seed)
    parts, length = [], 0
    frequencies = np.linspace(0, 8000, 9)
    while length < seconds * SECOND:
        size = int(rng.uniform(0.08, 0.25) * SECOND)
        levels = 10 ** (rng.uniform(-35, 0, 9) / 20) * np.where(frequencies > 4000, 0.2, 1)
        spectrum = np.fft.rfft(rng.normal(0, 1, size))
        shape = np.interp(np.fft.rfftfreq(size, 1 / SECOND), frequencies, levels)
        syllable = np.fft.irfft(spectrum * shape, size) * np.hanning(size) ** 0.5
        pause = np.zeros(int(rng.choice([0.0, 0.03, 0.2]) * SECOND))
        parts += [syllable, pause]
        length += size + len(pause)
    sound = np.concatenate(parts)[: int(seconds * SECOND)]
    return (0.08 * sound / np.sqrt(np.mean(sound**2))).astype(np.float32)


def room(played, delay_ms, gain_db, seed=3, reverberation=0.3):
    """What a microphone hears of ``played``: late, softer, with the room's echoes, and clipped."""
    rng = np.random.default_rng(seed)
    size = int(reverberation * SECOND)
    response = rng.normal(0, 1, size) * np.exp(-6.9 * np.arange(size) / size)
    response *= 0.5 / np.sqrt(np.sum(response**2))
    response[0] = 1
    heard = np.convolve(np.clip(played, -0.25, 0.25), response)[: len(played)]
    late = delay_ms * SECOND // 1000
    heard = np.concatenate((np.zeros(late), heard))[: len(played)] * 10 ** (gain_db / 20)
    return (heard + rng.normal(0, 0.0004, len(heard))).astype(np.float32)


def through(guard, microphone, played=None, at=0, size=512):
    """What passes of the microphone's sound, while ``played`` is played from ``at`` on."""
    given = []
    for begin in range(0, len(microphone), size):
        if played is not None and begin >= at:
            pcm = samples_to_int16(resample(played, SECOND, 24_000))
            for chunk in range(0, len(pcm), 12_000):  # made faster than it is played
                guard.played(pcm[chunk : chunk + 12_000], chunk / 24)
            played = None
        given.append(guard.process(microphone[begin : begin + size]))
    return np.concatenate((*given, guard.flush()))


def decibels(samples):
    return 10 * np.log10(np.mean(samples.astype(np.float64) ** 2) + 1e-12)


def silenced(microphone, passed, begin, end=None):
    begin, end = int(begin * SECOND), None if end is None else int(end * SECOND)
    return decibels(microphone[begin:end]) - decibels(passed[begin:end])


@pytest.mark.parametrize("gain_db", [-6, -16, -26])
@pytest.mark.parametrize("delay_ms", [60, 330, 800])
def test_an_echo_is_silenced_at_any_delay_and_loudness(delay_ms, gain_db):
    agent = speech(6, seed=1)
    microphone = room(agent, delay_ms, gain_db)
    guard = EchoGuard(wary=False)
    passed = through(guard, microphone, agent)
    assert abs(guard.delay * 16 - delay_ms) <= 32
    assert silenced(microphone, passed, 2.5) > 15


def test_one_who_fears_an_echo_lets_none_of_it_through_from_the_first_sound_on():
    agent = speech(6, seed=2)
    microphone = room(agent, 250, -15)
    assert silenced(microphone, through(EchoGuard(wary=True), microphone, agent), 0) > 10
    passed = through(EchoGuard(wary=False), microphone, agent)
    assert silenced(microphone, passed, 0, 0.4) < 1  # the other lets the first of it pass


@pytest.mark.parametrize("gain_db", [-12, -20])
def test_who_speaks_over_the_agent_is_heard_at_once(gain_db):
    agent, caller = speech(8, seed=4), speech(2, seed=5)
    microphone = room(agent, 200, gain_db)
    at = 5 * SECOND
    microphone[at : at + len(caller)] += caller
    passed = through(EchoGuard(wary=False), microphone, agent)
    same = np.abs(passed - microphone) < 1e-6
    assert same[at + SECOND // 10 : at + len(caller)].mean() > 0.6
    loud = np.flatnonzero(np.abs(caller) > 0.02)[0]
    assert same[at + loud : at + loud + SECOND // 8].any()


@pytest.mark.parametrize("wary", [True, False])
def test_a_caller_with_a_headset_is_heard_as_if_nobody_listened_for_echo(wary):
    agent = speech(8, seed=6)
    microphone = np.random.default_rng(1).normal(0, 0.0004, len(agent)).astype(np.float32)
    caller = speech(3, seed=7)
    microphone[4 * SECOND : 7 * SECOND] += caller
    passed = through(EchoGuard(wary=wary), microphone, agent)
    assert np.array_equal(passed[3 * SECOND :], microphone[3 * SECOND :])


def test_a_caller_who_speaks_over_the_first_words_is_held_up_a_moment_only_by_the_wary():
    agent, caller = speech(6, seed=8), speech(2, seed=9)
    microphone = np.random.default_rng(1).normal(0, 0.0004, len(agent)).astype(np.float32)
    at = SECOND // 2
    microphone[at : at + len(caller)] += caller
    assert np.array_equal(through(EchoGuard(wary=False), microphone, agent), microphone)
    late = through(EchoGuard(wary=True), microphone, agent)
    heard = slice(at + SECOND // 4, 3 * SECOND)
    assert np.array_equal(late[heard], microphone[heard])


def test_a_delay_that_changes_is_found_again():
    agent = speech(12, seed=10)
    before, after = room(agent, 200, -15), room(agent, 420, -15)
    microphone = np.concatenate((before[: 6 * SECOND], after[6 * SECOND :]))
    guard = EchoGuard(wary=False)
    passed = through(guard, microphone, agent)
    assert abs(guard.delay * 16 - 420) <= 32
    assert silenced(microphone, passed, 8.5) > 15


def doubted(microphone, agent, size=256):
    """Blocks after which a guard that fears nothing doubts who it is that it hears."""
    guard = EchoGuard(wary=False)
    guard.played(samples_to_int16(resample(agent, SECOND, 24_000)), 0)
    found = []
    for begin in range(0, len(microphone), size):
        given = guard.process(microphone[begin : begin + size])
        assert guard.delay is not None or np.array_equal(given, microphone[begin : begin + size])
        found.append(guard.doubts)
    return found, guard


@pytest.mark.parametrize("gain_db", [-6, -20])
def test_who_speaks_is_in_doubt_until_the_first_echo_is_known(gain_db):
    agent = speech(4, seed=15)
    found, guard = doubted(room(agent, 120, gain_db), agent)
    begins, ends = found.index(True), len(found) - found[::-1].index(True)
    assert 120 - 32 <= begins * 16 <= 220
    assert all(found[begins:ends])  # in one go, and with it the echo is known
    assert guard.delay is not None
    assert (ends - begins) * 16 < 500


def test_a_stranger_is_in_doubt_for_a_moment_only_and_not_after_a_second_without_echo():
    agent, caller = speech(5, seed=16), speech(1, seed=17)
    hiss = np.random.default_rng(1).normal(0, 0.0004, len(agent)).astype(np.float32)
    early, late = hiss.copy(), hiss.copy()
    early[SECOND // 2 : SECOND * 3 // 2] += caller
    late[3 * SECOND : 4 * SECOND] += caller
    found, guard = doubted(early, agent)
    assert 0 < sum(found) * 16 <= 320
    assert guard.delay is None
    assert not any(doubted(late, agent)[0])


def test_what_the_client_dropped_is_not_listened_for():
    agent, caller = speech(8, seed=11), speech(3, seed=11)  # the caller repeats the agent's words
    microphone = room(agent, 100, -15)
    microphone[3 * SECOND :] = 1e-4
    microphone[5 * SECOND :] += caller
    guard = EchoGuard(wary=False)
    passed = [through(guard, microphone[: 3 * SECOND], agent)]
    guard.stopped()
    passed.append(through(guard, microphone[3 * SECOND :]))
    assert np.array_equal(np.concatenate(passed)[5 * SECOND :], microphone[5 * SECOND :])


def test_it_gives_up_where_there_is_no_echo_and_rests_where_nothing_is_played():
    guard = EchoGuard(wary=False)
    sound = speech(1, seed=12)
    assert guard.process(sound) is not None
    assert guard.lag == 0
    assert not guard.at_work
    agent = speech(18, seed=13)
    through(guard, np.full(len(agent), 1e-5, np.float32), agent)
    assert guard.given_up
    guard.played(samples_to_int16(agent), 0)
    guard.process(np.zeros(3 * SECOND, np.float32))
    assert not guard.at_work


@settings(max_examples=10)
@given(
    st.lists(st.integers(0, 3000), max_size=40),
    st.booleans(),
    st.sampled_from([0.0, -10.0, -90.0]),
)
def test_no_sample_is_lost_or_moved(sizes, wary, gain_db):
    agent = speech(1, seed=14)
    microphone = room(np.concatenate((agent, np.zeros(60_000, np.float32))), 150, gain_db)
    guard = EchoGuard(wary=wary)
    guard.played(samples_to_int16(resample(agent, SECOND, 24_000)), 50)
    taken, given = 0, []
    for size in sizes:
        given.append(guard.process(microphone[taken : taken + size]))
        taken = min(taken + size, len(microphone))
        assert sum(map(len, given)) + guard.lag == taken
        assert 0 <= guard.lag < 256
    given.append(guard.flush())
    whole = np.concatenate(given)
    assert len(whole) == taken
    # Each sample is where it was: itself, or made softer.
    assert (np.abs(whole) <= np.abs(microphone[:taken]) + 1e-6).all()


def test_a_tone_like_the_agents_is_no_echo_though_its_edges_are_rich():
    tone = (0.3 * np.sin(2 * np.pi * 220 * np.arange(3 * SECOND) / SECOND)).astype(np.float32)
    for late_ms in range(0, 800, 50):
        guard = EchoGuard(wary=False)
        heard = np.zeros(3 * SECOND, np.float32)
        begin = late_ms * SECOND // 1000
        heard[begin : begin + SECOND] = tone[:SECOND]
        given = through(guard, heard, played=tone)
        assert guard.delay is None, late_ms
        assert np.array_equal(given, heard), late_ms
