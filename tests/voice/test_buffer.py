import errno
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.voice.buffer import AudioBuffer

STEPS = st.lists(st.tuples(st.integers(0, 40_000), st.integers(0, 300_000)), max_size=10)
PLACES = st.integers(0, 300_000)


def audio(samples: int) -> np.ndarray:
    return (np.arange(samples) % 65_536 / 32_768 - 1).astype(np.float32)


@given(STEPS, PLACES, PLACES)
def test_a_slice_is_the_stream_between_its_places(
    steps: list[tuple[int, int]], begin: int, end: int
) -> None:
    stream = audio(sum(size for size, _ in steps))
    buffer, at, dropped = AudioBuffer(), 0, 0
    for size, drop in steps:
        buffer.append(stream[at : at + size])
        at += size
        buffer.drop_before(drop)
        dropped = max(dropped, min(drop, at))
        assert (buffer.start, buffer.end) == (dropped, at)
    expected = stream[max(begin, buffer.start) : max(end, buffer.start)]
    assert np.array_equal(buffer.slice(begin, end), expected)


def in_memory(buffer: AudioBuffer) -> int:
    return sum(len(chunk) for chunk in buffer._chunks)


def test_only_the_newest_sound_is_in_memory_and_a_file_does_not_grow_with_the_call() -> None:
    buffer, minute = AudioBuffer(), 60 * 16_000
    for _ in range(1500):
        buffer.append(audio(3_200))
        buffer.drop_before(buffer.end - minute)
        assert in_memory(buffer) <= 24_000
        if buffer._file:
            assert os.fstat(buffer._file._file.fileno()).st_size <= 2 * 2 * minute
    buffer.drop_before(buffer.end)
    assert buffer._file is None


def test_what_is_on_the_disk_is_noise_to_others() -> None:
    buffer, stream = AudioBuffer(), np.zeros(100_000, np.float32)
    for at in range(0, 100_000, 10_000):
        buffer.append(stream[at : at + 10_000])
    assert buffer._file is not None
    on_disk = os.pread(buffer._file._file.fileno(), 10**6, 0)
    assert len(on_disk) > 100_000
    assert len(set(on_disk)) == 256 and b"\0\0\0\0" not in on_disk
    assert np.array_equal(buffer.slice(0, 100_000), stream)


def test_sound_that_cannot_be_filed_stays_in_memory(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    buffer, stream = AudioBuffer(), audio(100_000)
    for at in range(0, 100_000, 10_000):
        buffer.append(stream[at : at + 10_000])
    assert np.array_equal(buffer.slice(0, 100_000), stream)
    assert caplog.text.count("stays in memory") == 1


def test_a_large_chunk_is_not_kept_alive_by_its_end() -> None:
    buffer = AudioBuffer()
    buffer.append(np.zeros(160_000, np.float32))
    buffer.drop_before(159_000)
    (kept,) = buffer._chunks
    assert kept.base is not None
    assert kept.base.size <= 16_000
