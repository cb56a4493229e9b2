"""Erased is erased: nothing is found in the store, in its files, or on any worker's disk."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from redis.asyncio import Redis

from frontdesk.state.callers import caller_of
from frontdesk.state.erasures import ErasureStore
from frontdesk.tracing.rows import unpack

NAME = "Zebedee"


def found_in(folder: Path, *needles: str) -> list[str]:
    """The files that have one of these words in them, also where the store packs them."""
    found = [
        f"{path.name}: {needle}"
        for path in folder.rglob("*")
        for held in [bytes_of(path)]
        for needle in needles
        if needle.encode() in held
    ]
    return found + [
        f"span: {needle}"
        for attributes in spans_in(folder / "traces.db")
        for needle in needles
        if needle in attributes
    ]


def bytes_of(path: Path) -> bytes:
    """What a file holds; nothing of what its server has just removed."""
    try:
        return path.read_bytes() if path.is_file() else b""
    except FileNotFoundError:
        return b""


def spans_in(file: Path) -> list[str]:
    """What the spans say; nothing as long as the store has not been set up."""
    if not file.exists():
        return []
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'span'").fetchone():
            return []
        packed = database.execute("SELECT attributes FROM span").fetchall()
    return [str(unpack(attributes)) for (attributes,) in packed]


def audio_of(server) -> set[Path]:
    return set((server.data / "audio").rglob("*.flac"))


def sound_of(server, rest, calls: list[str]) -> set[Path]:
    """The files that the traces of these calls speak of."""
    turns = [t for c in calls for t in rest(server, "GET", f"/api/calls/{c}").json()["turns"]]
    told = [rest(server, "GET", f"/api/traces/{turn['trace_id']}").text for turn in turns]
    return {path for path in audio_of(server) if any(path.stem in trace for trace in told)}


@pytest.fixture
async def talked(keyed, dial, rest, eventually):
    """``await talked("anna")``: somebody called twice, and spoke once, of which there is sound."""

    async def talk(user, server=keyed):
        ids = []
        for words in (f"My name is {NAME} {user}.", "Hello again."):
            async with dial(server, user=user, consent="true") as line:
                await line.say(words)
                await line.speak()
                ids.append(line.call_id)
        told = f"/api/callers/{user}"
        await eventually(
            lambda: all(r["text"] for r in rest(server, "GET", told).json()["remembered"])
        )
        await eventually(lambda: rest(server, "GET", told).json()["calls"][1]["turns"] == 2)
        return ids

    return talk


@pytest.fixture
def erased(keyed, rest, eventually):
    """``await erased("anna")``: everywhere; what the answer says in the end."""

    async def erase(user):
        path = f"/api/callers/{user}"
        assert rest(keyed, "DELETE", path).status_code in (200, 202)  # other workers may be up
        return await eventually(
            lambda: (told := rest(keyed, "GET", path).json()["erasure"])["complete"] and told
        )

    return erase


async def test_nothing_is_found_of_who_was_erased(keyed, talked, rest, dial, erased):
    kept = sound_of(keyed, rest, await talked("neighbour"))
    ids = await talked("erased-anna")
    sound = sound_of(keyed, rest, ids)
    assert (
        kept and sound and rest(keyed, "GET", f"/api/calls/{ids[0]}/audio").status_code == 200
    )  # a mix
    before = found_in(keyed.data, f"{NAME} erased-anna")
    assert any("traces.db" in place for place in before)
    log = f"frontdesk:{{{ids[0]}}}:log"  # its lines are packed
    assert any(".aof" in place for place in found_in(keyed.data, log))

    erasure = await erased("erased-anna")

    assert (erasure["store"], erasure["calls"]) == ("erased", 2)
    assert found_in(keyed.data, f"{NAME} erased-anna", "erased-anna", log) == []
    # The store knows for a while which calls those were, so that nobody writes them back.
    assert not [place for place in found_in(keyed.data, *ids) if ".aof" not in place]
    assert audio_of(keyed) & sound == set() and kept <= audio_of(keyed)
    held = rest(keyed, "GET", "/api/callers/erased-anna").json()
    assert (held["calls"], held["remembered"], held["consent"]) == ([], [], {})
    for call_id in ids:
        assert rest(keyed, "GET", f"/api/calls/{call_id}").status_code == 404
        assert rest(keyed, "GET", f"/api/calls/{call_id}/conversation").status_code == 404
    assert f"{NAME} neighbour" in str(rest(keyed, "GET", "/api/callers/neighbour/export").json())
    await erased("erased-anna")  # asked again, it does no harm
    async with dial(keyed, user="erased-anna") as line:
        assert "May I remember" in await line.say("Hello.")  # as on the first day


async def test_a_call_that_runs_is_ended_and_then_erased(keyed, dial, rest, erased):
    async with dial(keyed, user="live-anna", consent="true") as line:
        await line.say(f"My name is {NAME} live-anna.")
        await erased("live-anna")
        assert await line.ended() == (4002, "what is kept of the caller was erased")
    assert found_in(keyed.data, "live-anna") == []
    assert rest(keyed, "GET", "/api/callers/live-anna").json()["calls"] == []


async def test_another_worker_ends_its_call_and_erases_its_own_disk(
    keyed, elsewhere, dial, rest, eventually
):
    async with dial(elsewhere, user="far-anna", consent="true") as line:
        await line.say(f"My name is {NAME} far-anna.")
        await eventually(lambda: found_in(elsewhere.data, "far-anna"))
        erasure = rest(keyed, "DELETE", "/api/callers/far-anna").json()["erasure"]
        assert erasure["store"] == "erased"
        code, _ = await line.ended()
        assert code == 4002
    path = "/api/callers/far-anna"
    await eventually(lambda: rest(keyed, "GET", path).json()["erasure"]["complete"])
    assert found_in(elsewhere.data, "far-anna") == found_in(keyed.data, "far-anna") == []
    assert rest(elsewhere, "GET", path).json()["calls"] == []


async def test_a_worker_that_was_away_erases_when_it_starts(
    keyed, elsewhere, talked, rest, eventually
):
    await talked("away-anna", elsewhere)
    elsewhere.kill()
    assert found_in(elsewhere.data, f"{NAME} away-anna")
    answer = rest(keyed, "DELETE", "/api/callers/away-anna")
    assert answer.status_code == 202
    (pending,) = answer.json()["erasure"]["pending"]
    assert pending["folder"] == (elsewhere.data / "folder").read_text().strip()
    assert found_in(elsewhere.data, f"{NAME} away-anna")
    elsewhere.start()  # it is done before it takes any call
    assert found_in(elsewhere.data, "away-anna") == []
    assert not audio_of(elsewhere)
    assert rest(keyed, "GET", "/api/callers/away-anna").json()["erasure"]["complete"]


async def test_an_erasure_that_was_only_written_down_is_done_by_whoever_runs(
    keyed, talked, rest, eventually
):
    """The worker that was asked died at once after it put that on its list."""
    ids = await talked("crash-anna")
    store = Redis.from_url(f"unix://{keyed.data / 'valkey' / 'valkey.sock'}")
    await ErasureStore(store).ask(caller_of("crash-anna"), tuple(ids))
    await store.aclose()
    path = "/api/callers/crash-anna"
    await eventually(lambda: rest(keyed, "GET", path).json()["erasure"]["complete"])
    assert found_in(keyed.data, f"{NAME} crash-anna") == []
    assert rest(keyed, "GET", path).json()["calls"] == []


async def test_who_calls_again_meanwhile_keeps_what_is_new(
    keyed, elsewhere, talked, dial, rest, eventually
):
    await talked("back-anna", elsewhere)
    rest(keyed, "DELETE", "/api/callers/back-anna")
    async with dial(elsewhere, user="back-anna", consent="true") as line:
        await line.say("I am new here.")
        path = "/api/callers/back-anna"
        await eventually(lambda: rest(keyed, "GET", path).json()["erasure"]["complete"])
        await line.say("And still here.")
    held = rest(elsewhere, "GET", "/api/callers/back-anna").json()
    assert [call["call_id"] for call in held["calls"]] == [line.call_id]


async def test_an_export_has_all_that_is_kept(keyed, talked, rest):
    ids = await talked("export-anna")
    export = rest(keyed, "GET", "/api/callers/export-anna/export").json()
    assert [call["call_id"] for call in export["calls"]] == ids
    first = export["calls"][0]
    assert first["log"]["user"] == "export-anna"
    assert f"My name is {NAME} export-anna." in str(first["log"]["items"])
    assert {turn["trace"]["trace_id"] for turn in first["turns"]} == {
        turn["trace_id"] for turn in first["trace"]["turns"]
    }
    roots = [span for span in first["turns"][0]["spans"] if span["parent_id"] is None]
    assert roots[0]["attributes"]["user.id"] == "export-anna"
    assert rest(keyed, "GET", first["sound"]).headers["content-type"] == "audio/flac"
    assert export["remembered"] and export["consent"]["support"]["given"]


def test_of_somebody_unknown_nothing_is_held_and_an_id_that_is_none_is_refused(keyed, rest):
    held = rest(keyed, "GET", "/api/callers/nobody-at-all").json()
    assert (held["calls"], held["erasure"]) == ([], None)
    assert rest(keyed, "DELETE", "/api/callers/nobody-at-all").json()["erasure"]["calls"] == 0
    wrong = rest(keyed, "GET", "/api/callers/a%20b")
    assert wrong.status_code == 400 and wrong.json()["error"]["param"] == "id"
