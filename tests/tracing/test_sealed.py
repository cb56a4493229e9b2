"""Traces and audio with encryption keys: nothing readable on the disk, all of it on the page."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from typer.testing import CliRunner

from frontdesk.cli import app
from frontdesk.encryption import Cipher, new_key
from frontdesk.region import new_call_id
from frontdesk.settings import Settings
from frontdesk.tracing import messages, names
from frontdesk.tracing.calls import Tracing
from frontdesk.tracing.cells import LOCKED
from frontdesk.tracing.ranges import ranged
from frontdesk.tracing.store import TraceStore

SECRET = "quatrefoil-seventeen"
T0 = 1_800_000_000.0
KEYS = [new_key()]


@pytest.fixture
async def tracing(settings: Settings) -> AsyncIterator[Tracing]:
    tracing = Tracing(settings, Cipher(KEYS))
    tracing.start()
    yield tracing
    await tracing.aclose()


def hold(tracing: Tracing, call_id: str = "call_1", words: str = SECRET, at: float = T0) -> str:
    """A turn in which words are said; returns its trace."""
    turn = tracing.turn(
        call_id=call_id, index=0, team="support", team_version="v1", agent="frontdesk",
        transport="websocket", start=at,
    )  # fmt: skip
    heard = {names.GEN_AI_INPUT_MESSAGES: messages.user(words)}
    turn.record(names.USER_SPEECH, start=at, end=at + 1, attributes=heard)
    turn.set(**heard, **{names.GEN_AI_OUTPUT_MESSAGES: messages.agent(f"You said {words}.")})
    turn.end(reason="failed", end=at + 20, error=f"It broke on {words}")
    return turn.trace_id


def sound(tracing: Tracing, call_id: str = "call_1") -> Any:
    samples = (0.502 * np.sign(np.sin(np.arange(24_000) / 10))).astype("f4")
    return tracing.audio.put(
        call_id=call_id, role="caller", samples=samples, rate=24_000, offset_ms=0, item_id="i1"
    )


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_nothing_that_was_said_is_on_the_disk_and_all_of_it_on_the_page(
    tracing: Tracing, api: httpx2.AsyncClient, tmp_path: Path
) -> None:
    trace_id = hold(tracing)
    await tracing.flush()
    assert SECRET.encode() not in on_disk(tmp_path)
    found = (await api.get("/api/calls/call_1")).json()
    assert found["call"]["text"] == SECRET
    assert [line["text"] for line in found["transcript"]] == [SECRET, f"You said {SECRET}."]
    trace = (await api.get(f"/api/traces/{trace_id}")).json()
    assert SECRET in trace["spans"][0]["attributes"][names.GEN_AI_INPUT_MESSAGES]
    assert trace["trace"]["error"] == f"It broke on {SECRET}"


async def test_without_keys_the_same_search_of_the_disk_finds_it(
    settings: Settings, tmp_path: Path
) -> None:
    tracing = Tracing(settings)
    tracing.start()
    hold(tracing)
    sound(tracing)
    await tracing.aclose()
    assert SECRET.encode() in on_disk(tmp_path) and b"fLaC" in on_disk(tmp_path)


@pytest.mark.parametrize(
    ("words", "is_found"),
    [("quatrefoil", True), ("seven QUATRE", True), ("you said", True), ("trefoil", False),
     ("seventeen eighteen", False)],
)  # fmt: skip
async def test_what_is_sealed_is_searched_as_what_is_not(
    tracing: Tracing, words: str, is_found: bool
) -> None:
    hold(tracing)
    await tracing.flush()
    assert bool(tracing.store.calls(text=words)) is is_found


async def test_calls_from_before_there_were_keys_are_shown_and_searched_beside_the_others(
    settings: Settings,
) -> None:
    for call_id, cipher in (("old", None), ("new", Cipher(KEYS))):
        tracing = Tracing(settings, cipher)
        tracing.start()
        hold(tracing, call_id, at=T0 + (call_id == "new"))
        sound(tracing, call_id)
        await tracing.aclose()
    store = Tracing(settings, Cipher(KEYS)).store
    assert [call["call_id"] for call in store.calls(text="quatrefoil")] == ["new", "old"]
    assert [call["text"] for call in store.calls()] == [SECRET, SECRET]
    for call_id in ("old", "new"):  # loudness in the clear may look as if it were sealed
        assert (
            max(store.pieces(call_id)[0]["peaks"]) == min(store.pieces(call_id)[0]["peaks"]) == 128
        )


async def test_what_no_key_opens_is_shown_as_locked_and_kept_as_it_is(
    tracing: Tracing, settings: Settings, tmp_path: Path
) -> None:
    trace_id = hold(tracing)
    reference = sound(tracing)
    await tracing.aclose()
    stranger = Tracing(settings, Cipher([new_key()]))
    stranger.start()
    hold(stranger, words="something else", at=T0 + 60)  # the call's summary is made anew
    await stranger.flush()
    (call,) = stranger.store.calls()
    assert (call["text"], call["turns"]) == (LOCKED, 2)
    trace = stranger.store.trace(trace_id)
    assert trace and trace["trace"]["caller"] == LOCKED
    assert trace["spans"][0]["attributes"] == {"frontdesk.locked": LOCKED}
    with pytest.raises(OSError, match="put the key it was written with back"):
        stranger.audio.read(stranger.audio.locate(reference.key))
    await stranger.aclose()
    both = Tracing(settings, Cipher([new_key(), *KEYS]))
    assert [call["text"] for call in both.store.calls()] == [SECRET]
    assert both.audio.read(both.audio.locate(reference.key))[:4] == b"fLaC"


async def test_what_was_kept_in_the_clear_or_with_an_older_key_is_sealed_by_a_command(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest, pieces = new_key(), list[Any]()
    for call_id, cipher in (
        ("clear", None),
        ("older", Cipher(KEYS)),
        ("lost", Cipher([new_key()])),
    ):
        tracing = Tracing(settings, cipher)
        tracing.start()
        hold(tracing, call_id)
        pieces.append(sound(tracing, call_id))
        await tracing.aclose()
    (tracing.audio.root / "calls" / "c").mkdir(parents=True)
    (tracing.audio.root / "calls" / "c" / "mixed.flac").write_bytes(b"fLaC")
    monkeypatch.setenv("FRONTDESK_DATA", str(tmp_path))
    monkeypatch.setenv("FRONTDESK_ENCRYPTION_KEYS", f"{newest},{KEYS[0]}")
    told = CliRunner().invoke(app, ["traces", "seal"])
    assert "2 pieces of audio" in told.output and "key that is not known here" in told.output
    assert told.exit_code == 1  # of the lost one
    assert SECRET.encode() not in on_disk(tmp_path) and b"fLaC" not in on_disk(tmp_path)
    kept = Tracing(settings, Cipher([newest]))
    assert [kept.store.calls(text="quatrefoil")[n]["text"] for n in (0, 1)] == [SECRET, SECRET]
    assert kept.audio.read(kept.audio.locate(pieces[0].key))[:4] == b"fLaC"
    assert max(kept.store.pieces("clear")[0]["peaks"]) == 128
    again = CliRunner().invoke(app, ["traces", "seal"])
    assert "Encrypted anew: 0 records, 0 pieces" in again.output
    monkeypatch.delenv("FRONTDESK_ENCRYPTION_KEYS")
    assert "No key to encrypt with" in CliRunner().invoke(app, ["traces", "seal"]).output


async def test_sound_is_sealed_and_served_in_ranges(
    tracing: Tracing, api: httpx2.AsyncClient, tmp_path: Path
) -> None:
    reference = sound(tracing)
    await tracing.flush()
    assert (await api.get("/api/calls/call_1/audio")).content[:4] == b"fLaC"
    assert b"fLaC" not in on_disk(tmp_path)
    whole = (await api.get(reference.uri)).content
    part = await api.get(reference.uri, headers={"range": "bytes=4-9"})
    assert (part.status_code, part.content) == (206, whole[4:10])
    assert part.headers["content-range"] == f"bytes 4-9/{len(whole)}"
    assert part.headers["content-type"] == "audio/flac"


@pytest.mark.parametrize(
    ("wanted", "status", "body"),
    [(None, 200, "0123456789"), ("bytes=2-4", 206, "234"), ("bytes=7-", 206, "789"),
     ("bytes=-3", 206, "789"), ("bytes=0-99", 206, "0123456789"), ("bytes=-99", 206, "0123456789"),
     ("bytes=10-", 416, ""), ("bytes=-0", 416, ""), ("bytes=4-2", 200, "0123456789"),
     ("bytes=0-1,3-4", 200, "0123456789"), ("items=0-1", 200, "0123456789"),
     ("bytes=-", 200, "0123456789")],
)  # fmt: skip
def test_one_range_is_answered_as_the_rfc_says(wanted: str | None, status: int, body: str) -> None:
    answer = ranged(b"0123456789", wanted, "audio/flac", {})
    assert (answer.status_code, bytes(answer.body)) == (status, body.encode())
    assert int(answer.headers["content-length"]) == len(body)


async def test_calls_of_another_region_are_not_shown(
    settings: Settings, tracing: Tracing, api: httpx2.AsyncClient
) -> None:
    """Though two workers should never share a data folder over regions."""
    theirs, open_to_all = new_call_id("eu"), new_call_id(None)
    trace_id = hold(tracing, theirs)
    hold(tracing, open_to_all)
    piece = sound(tracing, theirs)
    await tracing.flush()
    listed = (await api.get("/api/calls")).json()["calls"]
    assert [call["call_id"] for call in listed] == [open_to_all]
    paths = (f"calls/{theirs}", f"calls/{theirs}/audio", f"traces/{trace_id}", f"audio/{piece.key}")
    for path in paths:
        answer = await api.get(f"/api/{path}")
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "call_in_other_region"
    here = TraceStore(settings.data_dir / "traces.db", cipher=Cipher(KEYS), region="eu")
    assert {call["call_id"] for call in here.calls()} == {theirs, open_to_all}
    assert here.trace(trace_id)
