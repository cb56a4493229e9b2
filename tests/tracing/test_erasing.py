"""Erased traces: rows, words in the index and sound, out of the bytes of the files."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest

from frontdesk.settings import Settings
from frontdesk.tracing import names, schema
from frontdesk.tracing.calls import Tracing
from frontdesk.tracing.erasing import Gone, erase
from frontdesk.tracing.messages import user
from frontdesk.tracing.stores import StoreError

WORD = "zanzibarical"


async def talk(tracing: Tracing, call_id: str, caller: str, opened: float = 1.0) -> None:
    """A turn with words in it, and a piece of sound."""
    tracing.whose(call_id, caller, opened)
    turn = tracing.turn(
        call_id=call_id, index=0, team="t", team_version="v", agent="a", transport="x"
    )
    turn.set(**{names.GEN_AI_INPUT_MESSAGES: user(f"{WORD} {call_id}")})
    turn.end(reason="completed")
    noise = np.sin(np.arange(2400) / 9).astype(np.float32)
    tracing.audio.put(
        call_id=call_id, role="caller", samples=noise, rate=24_000, offset_ms=0, item_id="i"
    )
    await tracing.flush()


def bytes_of(tracing: Tracing) -> bytes:
    folder = tracing.store.path.parent
    files = [path for path in folder.glob(f"{tracing.store.path.name}*") if path.is_file()]
    return b"".join(path.read_bytes() for path in files if not path.name.endswith("-shm"))


async def test_nothing_of_a_call_is_left_in_the_bytes_and_all_of_others_is(tracing):
    await talk(tracing, "call_mine", "me")
    await talk(tracing, "call_other", "you")
    assert b"call_mine" in bytes_of(tracing)
    gone = erase(tracing.store, tracing.audio, "me", [], until=2.0)
    assert gone == Gone(calls=1, traces=1, audio=1)
    left = bytes_of(tracing)
    assert b"call_mine" not in left
    assert b"call_other" in left
    assert [call["call_id"] for call in tracing.store.calls(text=WORD)] == ["call_other"]
    assert len([*tracing.audio.root.rglob("*.flac")]) == 1
    assert tracing.store.calls_of("me") == []
    assert erase(tracing.store, tracing.audio, "me", [], until=2.0) == Gone()  # may be repeated


async def test_words_that_nobody_else_said_are_out_of_the_index(tracing):
    await talk(tracing, "call_other", "you")
    await talk(tracing, "call_xylophone", "me")
    erase(tracing.store, tracing.audio, "me", [], until=2.0)
    assert b"xylophone" not in bytes_of(tracing)


async def test_calls_that_were_opened_later_stay(tracing):
    await talk(tracing, "call_old", "me", opened=1.0)
    await talk(tracing, "call_new", "me", opened=3.0)
    erase(tracing.store, tracing.audio, "me", [], until=2.0)
    assert [call["call_id"] for call in tracing.store.calls_of("me")] == ["call_new"]


async def test_what_is_said_of_a_call_after_it_was_erased_is_not_kept(tracing):
    tracing.whose("call_late", "me", 1.0)
    turn = tracing.turn(
        call_id="call_late", index=0, team="t", team_version="v", agent="a", transport="x"
    )
    await tracing.flush()
    erase(tracing.store, tracing.audio, "me", [], until=2.0)
    turn.set(**{names.GEN_AI_INPUT_MESSAGES: user("late words")})
    turn.end(reason="completed")
    await talk(tracing, "call_late", "me")
    assert tracing.store.calls() == []
    assert b"late words" not in bytes_of(tracing)
    assert not [*tracing.audio.root.rglob("*.flac")]


async def test_somebody_who_reads_makes_it_wait_and_it_is_done_the_next_time(tracing, monkeypatch):
    monkeypatch.setattr(schema, "PATIENCE", 0.05)
    await talk(tracing, "call_mine", "me")
    with closing(schema.connect_to_read(tracing.store.path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM span").fetchone()
        with pytest.raises(StoreError, match="somebody reads it"):
            erase(tracing.store, tracing.audio, "me", [], until=2.0)
    erase(tracing.store, tracing.audio, "me", [], until=2.0)
    assert b"call_mine" not in bytes_of(tracing)


async def test_a_file_of_an_older_version_is_written_anew_once(tmp_path):
    path = tmp_path / "traces.db"
    with closing(sqlite3.connect(path)) as old:
        old.execute("PRAGMA secure_delete = OFF")
        old.executescript(schema.TABLES)
        old.execute("DROP TABLE caller")
        old.execute(
            "INSERT INTO span (trace_id, span_id, name, stage, start, tokens, words) "
            "VALUES ('t', 's', 'n', 'x', 1, 0, ?)",
            ("walrus " * 500,),
        )
        old.execute("PRAGMA user_version = 1")
        old.commit()
        old.execute("DELETE FROM span")
        old.commit()
    assert b"walrus" in path.read_bytes()
    tracing = Tracing(Settings(data=tmp_path))
    tracing.start()
    await talk(tracing, "call_1", "me")
    with closing(schema.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    await tracing.aclose()
    assert b"walrus" not in path.read_bytes()
    assert tracing.store.calls_of("me")
