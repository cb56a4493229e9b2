"""What is too old, or too much, is removed: rows, words and files, and never a live call."""

import fcntl
import itertools
import json
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frontdesk.settings import Settings
from frontdesk.tracing import messages, names, pruning, retention
from frontdesk.tracing.audio import mixes
from frontdesk.tracing.calls import Tracing
from frontdesk.tracing.retention import DAY, Retention
from frontdesk.tracing.stores import StoreError

NOW = 2_000_000_000.0
Talk = Callable[..., None]


@pytest.fixture
def talk(tracing: Tracing) -> Talk:
    """Have a call that was ``days`` ago: turns with words of their own, and pieces of sound."""

    def talk(call_id: str, days: float, turns: int = 1, sound: int = 1) -> None:
        began = NOW - days * DAY
        tracing.whose(call_id, f"caller of {call_id}", began)
        for index in range(turns):
            turn = tracing.turn(
                call_id=call_id,
                index=index,
                team="t",
                team_version="v",
                agent="a",
                transport="x",
                start=began + index,
            )
            said = messages.user(f"word{call_id.replace('_', '')} turn{index}")
            turn.record("user_speech", start=began, end=began + 0.5)
            turn.set(**{names.GEN_AI_INPUT_MESSAGES: said})
            turn.end(reason="completed", end=began + index + 0.5)
        for _ in range(sound):
            kept = tracing.audio.put(
                call_id=call_id,
                role="caller",
                samples=np.random.default_rng(1).integers(-9000, 9000, 24_000, np.int16),
                rate=24_000,
                offset_ms=0,
                item_id="i",
            )
            tracing.store.flush()
            os.utime(tracing.audio.locate(kept.key), (began, began))
        tracing.store.flush()

    return talk


def calls(tracing: Tracing) -> list[str]:
    return sorted(call["call_id"] for call in tracing.store.calls(limit=100_000))


def rows(tracing: Tracing) -> dict[str, int]:
    tables = ("span", "trace", "call", "audio", "caller", "doc")
    with closing(sqlite3.connect(tracing.store.where)) as database:
        return {
            table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in tables
        }


def sounds(tracing: Tracing) -> list[Path]:
    return [path for path in tracing.audio.root.rglob("*") if path.is_file()]


def keeping(tracing: Tracing, days: float = 0, gigabytes: float = 0) -> Retention:
    return Retention(
        tracing.store,
        tracing.audio,
        days=days,
        gigabytes=gigabytes,
        live=lambda: tracing.open_calls,
    )


async def test_calls_that_ended_too_long_ago_are_gone_with_all_they_had(
    tracing: Tracing, talk: Talk
) -> None:
    talk("call_old", 31, turns=3)
    talk("call_young", 29)
    folder = mixes(tracing.audio.root, "call_old")
    folder.mkdir(parents=True)
    (folder / "mix.flac").write_bytes(b"fLaC")
    keeper = keeping(tracing, days=30)
    keeper.run(NOW)
    assert calls(tracing) == ["call_young"]
    assert rows(tracing) == {"span": 2, "trace": 1, "call": 1, "audio": 1, "caller": 1, "doc": 1}
    assert len(sounds(tracing)) == 1 and not folder.exists()
    assert (keeper.removed.calls, keeper.removed.turns, keeper.removed.pieces) == (1, 3, 1)
    tracing.store.flush()
    with closing(sqlite3.connect(tracing.store.where)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    left = Path(tracing.store.where).read_bytes()  # noqa: ASYNC240
    assert b"wordcallold" not in left and b"wordcallyoung" in left
    keeper.run(NOW)
    assert keeper.removed.calls == 1


async def test_a_call_of_more_turns_than_fit_a_step_goes_in_several(
    tracing: Tracing, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "TURNS", 2)
    talk("call_long", 40, turns=5)
    for n in range(4):
        talk(f"call_{n}", 35)
    talk("call_new", 1)
    taken: list[int] = []
    prune = tracing.store.prune
    monkeypatch.setattr(
        tracing.store, "prune", lambda kept: (taken.append(len(kept.traces)), prune(kept))
    )
    keeping(tracing, days=30).run(NOW)
    assert calls(tracing) == ["call_new"]
    assert sum(taken) == 9 and max(taken) == 2


async def test_the_oldest_go_while_there_is_too_much(tracing: Tracing, talk: Talk) -> None:
    for n in range(6):
        talk(f"call_{n}", 6 - n, sound=3)
    keeper = keeping(tracing)
    keeper.run(NOW)
    assert len(calls(tracing)) == 6  # without bound
    size = tracing.store.used().bytes + keeper.sound()
    assert keeper.sound() == sum(path.stat().st_size for path in sounds(tracing))
    one = keeper.sound() / 6
    keeping(tracing, gigabytes=(size - 1.5 * one) / 2**30).run(NOW)
    assert calls(tracing) == ["call_2", "call_3", "call_4", "call_5"]
    assert len(sounds(tracing)) == 12


async def test_a_live_call_and_one_of_the_last_hour_are_never_removed(
    tracing: Tracing, talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    talk("call_live", 50)
    tracing.call_opened("call_live")
    talk("call_now", 0.01)
    talk("call_over", 2)
    keeper = keeping(tracing, days=1, gigabytes=1 / 2**30)
    keeper.run(NOW)
    keeper.run(NOW)
    assert calls(tracing) == ["call_live", "call_now"]
    assert len(caplog.records) == 1 and "FRONTDESK_TRACES_GB" in caplog.text
    tracing.call_closed("call_live")
    keeper.run(NOW)
    assert calls(tracing) == ["call_now"]


async def test_sound_without_a_turn_and_what_a_crash_left_is_removed_when_old(
    tracing: Tracing, talk: Talk
) -> None:
    talk("call_new", 1)
    talk("call_silent", 40, turns=0)
    part = tracing.audio.root / "ab" / "abcd.part"
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(b"half")
    os.utime(part, (NOW - 40 * DAY, NOW - 40 * DAY))
    keeping(tracing, days=30).run(NOW)
    assert rows(tracing)["audio"] == rows(tracing)["caller"] == len(sounds(tracing)) == 1


async def test_the_file_becomes_smaller(tracing: Tracing, talk: Talk) -> None:
    for n in range(60):
        talk(f"call_{n}", 40, turns=2, sound=0)
    talk("call_new", 1)

    def size() -> int:
        with closing(sqlite3.connect(tracing.store.where)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return Path(tracing.store.where).stat().st_size

    before = size()
    keeping(tracing, days=30).run(NOW)
    assert size() < 0.6 * before
    assert tracing.store.used().bytes <= size()


async def test_of_several_processes_one_does_it(
    settings: Settings, tracing: Tracing, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []
    keepers = [keeping(tracing, days=1) for _ in range(3)]
    for number, keeper in enumerate(keepers):
        monkeypatch.setattr(keeper, "run", lambda now, number=number: runs.append(number))
    for keeper in keepers:
        keeper._look()
    assert runs == [0]  # the others were told that it was done just now
    lock = settings.data_dir / retention.LOCK
    lock.write_text("1.0")
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        keepers[1]._look()
    assert runs == [0]
    keepers[1]._look()
    assert runs == [0, 1]


async def test_a_store_that_cannot_be_written_is_told_of_and_tried_again(
    tracing: Tracing, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(now: float) -> None:
        raise StoreError("no space left")

    keeper = keeping(tracing, days=1)
    monkeypatch.setattr(keeper, "run", fails)
    keeper._look()
    assert "no space left" in caplog.text


async def test_a_process_that_ends_takes_no_further_step(tracing: Tracing, talk: Talk) -> None:
    talk("call_old", 40)
    keeper = keeping(tracing, days=1)
    keeper.start()
    await keeper.aclose()
    keeper.run(NOW)
    assert calls(tracing) == ["call_old"]


async def test_what_was_removed_is_counted(tracing: Tracing, talk: Talk) -> None:
    talk("call_old", 40, turns=2)
    tracing.retention.run(NOW)
    found = {
        sample.labels["voice_retention_of"]: sample.value
        for family in tracing.metrics.registry.collect()
        for sample in family.samples
        if sample.name == "voice_retention_removed_total"
    }
    assert found == {"call": 1, "turn": 2, "audio": 1}
    assert tracing.store.used() == tracing.store.used()._replace(calls=0, turns=0, spans=0)


async def test_writers_go_on_beside_a_pass(tracing: Tracing, talk: Talk) -> None:
    for n in range(8):
        talk(f"call_{n}", 40, sound=0)
    keeper = keeping(tracing, days=30)
    thread = threading.Thread(target=keeper.run, args=(NOW,))
    thread.start()
    for n in itertools.count():
        talk(f"call_new_{n}", 1, sound=0)
        if not thread.is_alive():
            break
    assert calls(tracing) == sorted(f"call_new_{each}" for each in range(n + 1))
    assert tracing.store.dropped == 0


def test_an_older_file_is_made_one_that_can_shrink(tmp_path: Path) -> None:
    from frontdesk.tracing import schema

    path = tmp_path / "traces.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(f"{schema.TABLES} PRAGMA user_version = 2;")
    with closing(schema.connect(path)) as database:
        assert database.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        found: Any = pruning.used(database)
    assert json.dumps(found[1:]) == "[0, 0, 0, null]"
