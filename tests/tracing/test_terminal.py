"""``frontdesk traces`` on a real store."""

import json
import re
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from frontdesk.cli import traces_tail
from frontdesk.cli.traces import app
from frontdesk.cli.traces_lines import Lines
from frontdesk.tracing import messages, names
from frontdesk.tracing.calls import Tracing, TurnTrace
from frontdesk.tracing.following import Following
from frontdesk.tracing.otlp import JSON
from frontdesk.tracing.pricing import Pricing
from frontdesk.tracing.received import read, spans
from frontdesk.tracing.rows import row

run = CliRunner().invoke


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FRONTDESK_DATA", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


async def test_list_and_show(here: Path, tracing: Tracing, answered: TurnTrace) -> None:
    listed = run(app, ["list"])
    assert listed.exit_code == 0
    assert "call_1" in listed.output and "frontdesk > orders" in listed.output
    assert "1 err" in listed.output
    assert re.search(r"Kept: 1 call since .* spans \(\d+ KB\), sound 0 B$", listed.output.strip())
    for identity in ("call_1", answered.trace_id, answered.sdk_trace_id, answered.trace_id[:10]):
        shown = run(app, ["show", identity])
        assert shown.exit_code == 0, shown.output
        lines = shown.output.splitlines()
        assert lines[0].startswith(f"turn 0  {answered.sdk_trace_id}")
        assert all(len(line) <= 100 for line in lines)
        (tool,) = [line for line in lines if "execute_tool find_order" in line]
        assert tool.startswith("          execute_tool") and " ms" in tool and "█" in tool
        (failed,) = [line for line in lines if "execute_tool refund" in line]
        assert failed.startswith("x")
        assert "the refund desk is closed" in shown.output


async def test_what_is_said_cannot_drive_the_terminal(here: Path, tracing: Tracing) -> None:
    turn = tracing.turn(
        call_id="c\x1b[2J", index=0, team="t", team_version="1", agent="a", transport="text"
    )
    turn.record("custom \x1b]0;owned\x07", start=1.0, end=2.0, error="\x1b[31mred\nrow")
    turn.end(reason="failed")
    await tracing.flush()
    listed, shown = run(app, ["list"]).output, run(app, ["show", turn.trace_id]).output
    assert "c [2J" in listed and "red row" in shown
    assert "\x1b" not in listed + shown and "\x07" not in listed + shown


def test_without_traces_it_says_what_to_do(here: Path) -> None:
    result = run(app, ["list"])
    assert result.exit_code == 1
    assert "No traces yet" in result.output


async def test_an_unknown_id_says_where_to_look(
    here: Path, tracing: Tracing, answered: TurnTrace
) -> None:
    result = run(app, ["show", "nothing"])
    assert result.exit_code == 1 and "frontdesk traces list" in result.output


async def test_nothing_matches_is_said(here: Path, tracing: Tracing, answered: TurnTrace) -> None:
    for options in (["--agent", "nobody"], ["--slower-than", "9"], ["--team", "sales"]):
        result = run(app, ["list", *options])
        assert result.exit_code == 0 and "No calls match" in result.output


async def test_a_broken_store_is_reported(here: Path) -> None:
    (here / "traces.db").write_bytes(b"no database" * 500)
    result = run(app, ["list"])
    assert result.exit_code == 1 and "cannot be read" in result.output


async def test_programs_get_what_the_api_answers(
    here: Path, tracing: Tracing, answered: TurnTrace
) -> None:
    (call,) = json.loads(run(app, ["list", "--json", "--agent", "orders"]).output)["calls"]
    assert call["call_id"] == "call_1"
    (trace,) = json.loads(run(app, ["show", "call_1", "--json"]).output)
    assert trace == tracing.store.trace(answered.trace_id)


async def test_a_look_now_and_then_sees_spans_begin_and_end(
    here: Path, tracing: Tracing, answered: TurnTrace
) -> None:
    following, lines = Following(tracing.store), Lines()
    turn = tracing.turn(
        call_id="call_2", index=1, team="support", team_version="1", agent="a", transport="text"
    )
    tool = turn.open("execute_tool refund")
    await tracing.flush()
    shown = [line for event in following.look() if (line := lines.of(*event))]
    tool.end(error="the desk is\nclosed")
    turn.end(reason="completed")
    await tracing.flush()
    shown += [line for event in following.look() if (line := lines.of(*event))]
    told = [text[29:] for text, _ in shown]
    assert told[0] == "call call_2, team support"
    assert told[1] == f"▸ turn 1  {turn.sdk_trace_id}"
    assert told[2] == "  ▸ execute_tool refund"
    assert re.fullmatch(r"  x execute_tool refund  .+ ms  the desk is closed", told[3])
    assert re.fullmatch(rf"■ turn 1  {turn.sdk_trace_id}  .+ ms  completed", told[4])
    assert told[5].startswith("call call_2 is over: ")
    assert following.look() == []  # nor ever anything of call_1, which was over before


async def test_a_turn_that_is_over_at_the_first_look_is_told_from_its_root(
    here: Path, tracing: Tracing
) -> None:
    following, lines = Following(tracing.store), Lines()
    turn = tracing.turn(
        call_id="call_2", index=1, team="support", team_version="1", agent="a", transport="text"
    )
    turn.open("chat fast").end()
    turn.end(reason="completed")
    await tracing.flush()
    shown = [line for event in following.look() if (line := lines.of(*event))]
    assert [text[29:][:6] for text, _ in shown][:2] == ["▸ turn", "  ■ ch"]


async def test_tail_prints_what_a_server_sends_and_ends_at_ctrl_c(
    here: Path, tracing: Tracing, answered: TurnTrace, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = tracing.store.trace(answered.trace_id)
    assert spans is not None
    sent = [{"call_id": "call_1", "trace_id": answered.trace_id, **span} for span in spans["spans"]]

    class Live(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            if self.path == "/healthz":
                self.wfile.write(b'{"status": "ok", "in_use": {}}')
                return
            assert self.headers["authorization"] == "Bearer a-key"
            for span in sent:
                self.wfile.write(b"event: span\ndata: %s\n\n" % json.dumps(span).encode())

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Live)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    # Where it would wait to try again, and in no other thread.
    monkeypatch.setattr(traces_tail, "time", SimpleNamespace(sleep=interrupted))
    try:
        tailed = run(app, ["tail", "--url", url, "--key", "a-key"])
        failed = run(app, ["tail", "--url", url, "--key", "a-key", "--errors", "--json"])
    finally:
        server.shutdown()
        server.server_close()
    assert tailed.exit_code == 0, tailed.output
    assert len([line for line in tailed.stdout.splitlines() if "call_1" in line]) == len(sent)
    assert "does not answer; trying again" in tailed.stderr
    (refused,) = [json.loads(line) for line in failed.stdout.splitlines()]
    assert refused["name"] == "execute_tool refund"


async def test_a_call_is_exported_as_lines_of_json_with_its_audio(
    here: Path, tracing: Tracing, answered: TurnTrace, tmp_path: Path
) -> None:
    sound = np.zeros(2400, np.int16)
    piece = tracing.audio.put(
        call_id="call_1", role="caller", samples=sound, rate=24_000, offset_ms=0, item_id="i"
    )
    words = messages.user("Hello?", piece.uri)
    answered.record(
        "user_speech", start=1.0, end=2.0, attributes={names.GEN_AI_INPUT_MESSAGES: words}
    )
    await tracing.flush()
    out, audio = tmp_path / "out.jsonl", tmp_path / "sounds"
    done = run(app, ["export", "call_1", "--out", str(out), "--audio", str(audio)])
    assert done.exit_code == 0, done.output
    assert [json.loads(line) for line in out.read_text().splitlines()] == [
        tracing.store.trace(answered.trace_id)
    ]
    assert [file.name for file in audio.iterdir()] == [f"{piece.key}.flac"]
    assert (audio / f"{piece.key}.flac").read_bytes()[:4] == b"fLaC"


async def test_what_is_exported_as_otlp_is_what_came_in(
    here: Path, tracing: Tracing, answered: TurnTrace
) -> None:
    exported = run(app, ["export", answered.trace_id[:8], "--format", "otlp"]).output
    (line,) = exported.splitlines()
    before = tracing.store.trace(answered.trace_id)
    assert before is not None
    kept = {span["span_id"]: span for span in before["spans"]}
    found = [span for span in spans(read(line.encode(), JSON)) if span is not None]
    assert len(found) == len(kept)
    for span in found:
        again = row(span, pricing=Pricing())
        was = kept[again.span_id]
        told = {key: again.export()[key] for key in was}
        assert told == {**was, "start": told["start"], "end": told["end"]}
        assert told["start"] == pytest.approx(was["start"], abs=1e-6)
        assert told["end"] == pytest.approx(was["end"], abs=1e-6)


async def test_a_stretch_of_time_is_exported_call_by_call(
    here: Path, tracing: Tracing, answered: TurnTrace
) -> None:
    for hours, call_id in ((30, "old"), (2, "new")):
        start = time.time() - hours * 3600
        turn = tracing.turn(
            call_id=call_id, index=0, team="t", team_version="1", agent="a", transport="text",
            start=start,
        )  # fmt: skip
        turn.end(reason="completed", end=start + 1)
    await tracing.flush()

    def calls(*options: str) -> list[str]:
        lines = run(app, ["export", *options]).output.splitlines()
        return [json.loads(line)["trace"]["call_id"] for line in lines]

    assert calls() == ["call_1", "new", "old"]
    assert calls("--since", "1d") == ["call_1", "new"]
    assert calls("--since", "3h", "--until", "1h") == ["new"]
    none = run(app, ["export", "--until", "2020-01-01"])
    assert "no calls began in that time" in str(none.exception)
    assert "is no time" in str(run(app, ["export", "--since", "yesterday"]).exception)
    assert "no call or trace 'nothing'" in str(run(app, ["export", "nothing"]).exception)
