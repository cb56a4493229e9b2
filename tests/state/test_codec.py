"""How values are kept: packed, encrypted, and readable side by side."""

import zlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.encryption import Cipher, new_key
from frontdesk.state import Codec, Unreadable
from frontdesk.state.codec import LARGE

OLD, NEW = new_key(), new_key()
TEXT = st.text(st.characters(codec="utf-8"), max_size=300)
JSON = st.dictionaries(TEXT, TEXT | st.integers(-(2**63), 2**63) | st.lists(TEXT))
PLAIN, OLDER, NEWER = Codec(), Codec(Cipher([OLD])), Codec(Cipher([NEW, OLD]))


def changed(text: str) -> bytes:
    content = [{"type": "output_audio", "transcript": text}]
    item = {"id": "item_418862fd668787288f33de8f", "object": "realtime.item", "type": "message",
            "status": "completed", "role": "assistant", "content": content}  # fmt: skip
    return orjson.dumps({"kind": "item.changed", "at": 1795346237.42, "item": item})


@given(values=st.lists(st.tuples(JSON, st.sampled_from([PLAIN, OLDER, NEWER]))))
def test_whatever_is_encoded_is_read_by_whoever_has_the_keys(
    values: list[tuple[dict[str, Any], Codec]],
) -> None:
    for value, writer in values:
        data = orjson.dumps(value)
        assert NEWER.decode(writer.encode(data), "it") == data


@pytest.mark.parametrize("size", [0, 40, 200, 5_000, 9_000, 2_000_000])
def test_values_of_any_size_come_back(size: int) -> None:
    data = changed("word " * (size // 5))
    for codec in (PLAIN, NEWER):
        assert codec.decode(codec.encode(data), "it") == data


IDS = st.integers(0, 12).flatmap(
    lambda n: st.sampled_from([12, 16, 8]).map(lambda b: f"{n:0{2 * b}x}")
)
LONG = st.lists(
    st.tuples(st.sampled_from(["item_", "call_", "/api/audio/", "", "x"]), IDS, TEXT), min_size=1
)


@given(parts=LONG)
def test_ids_that_are_set_apart_come_back_where_they_stood(
    parts: list[tuple[str, str, str]],
) -> None:
    values = [{"id": f"{before}{digits}", "text": text} for before, digits, text in parts]
    data = orjson.dumps({"items": values, "text": "x" * LARGE})
    stored = PLAIN.encode(data)
    assert stored[:1] == b"\x02"
    assert PLAIN.decode(stored, "it") == data


@given(data=st.binary(max_size=300), times=st.sampled_from([1, 200]))
def test_bytes_that_are_no_json_come_back_too(data: bytes, times: int) -> None:
    for codec in (PLAIN, NEWER):
        assert codec.decode(codec.encode(data * times), "it") == data * times


def test_what_older_versions_wrote_is_read() -> None:
    data = changed("Good morning.")
    assert PLAIN.decode(data, "it") == data
    assert NEWER.decode(zlib.compress(data), "it") == data


def test_a_line_of_the_log_takes_less_than_half_its_room() -> None:
    data = changed("The harbour room costs ninety euros a night, breakfast for two included.")
    assert len(PLAIN.encode(data)) < len(data) / 2
    assert len(PLAIN.encode(data)) < len(zlib.compress(data)) * 2 / 3


def test_what_is_encrypted_shows_nothing_and_is_never_the_same_twice() -> None:
    data = changed("My card number is four two four two.")
    stored = OLDER.encode(data)
    assert b"card" not in stored and b"item" not in stored
    assert stored != OLDER.encode(data)


def test_a_key_that_is_gone_is_told_of_by_whose_value_it_was() -> None:
    stored = OLDER.encode(changed("x"))
    for codec in (PLAIN, Codec(Cipher([NEW]))):
        with pytest.raises(Unreadable, match=r"call sess_1 cannot be read: .*_KEYS: put the key"):
            codec.decode(stored, "call sess_1")


@pytest.mark.parametrize("codec", [PLAIN, OLDER])
def test_a_damaged_value_is_told_of_and_never_half_read(codec: Codec) -> None:
    item = changed("A sentence that is long enough to be packed.")
    for data in (item, b"[%b]" % b",".join([item] * 100)):
        stored = codec.encode(data)
        for damaged in (b"", stored[:-3], stored[:20], stored[:3], b"not json", b"\x01" + stored):
            with pytest.raises(Unreadable, match="it cannot be read"):
                codec.decode(damaged, "it")
