import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.voice.buffer import AudioBuffer

SIZES = st.lists(st.integers(0, 20_000), max_size=8)


@given(SIZES, st.integers(0, 40_000), st.integers(0, 40_000), st.integers(0, 40_000))
def test_a_slice_is_the_stream_between_its_places(
    sizes: list[int], drop: int, begin: int, end: int
) -> None:
    stream = (np.arange(sum(sizes)) % 65_536 / 32_768 - 1).astype(np.float32)
    buffer, at = AudioBuffer(), 0
    for size in sizes:
        buffer.append(stream[at : at + size])
        at += size
    buffer.drop_before(drop)
    assert buffer.end == len(stream)
    assert buffer.start == min(drop, len(stream))
    expected = stream[max(begin, buffer.start) : max(end, buffer.start)]
    assert np.array_equal(buffer.slice(begin, end), expected)


def test_a_large_chunk_is_not_kept_alive_by_its_end() -> None:
    buffer = AudioBuffer()
    buffer.append(np.zeros(160_000, np.float32))
    buffer.drop_before(159_000)
    (kept,) = buffer._chunks
    assert kept.base is not None
    assert kept.base.size <= 16_000
