"""The voice as callers hear it: spoken turns through whole servers in real time, ours and others'.

    python benchmarks/voice.py [--quick] [--systems NAME ...] [--keep FOLDER] [--json FILE]
                               [--chart FILE] [--held-out]

Each turn of the corpus (``voice_corpus.py``) is a call of its own over a real WebSocket: 20 ms
frames out, sound in, and the time from the caller's last sample to the first audible sample of the
answer at the ear. Then sounds come in the middle of an answer: words, which must stop it, and
coughs, murmurs, doors and a loudspeaker's echo, which must not. Our server runs with the embedded
models; the peers run by their defaults, with the same transcriber, the same voice and the same
dialogue model, in an environment of their own that is made once. Seven minutes a system, one turn
after the other; on a machine that does something else the times mean nothing.
"""

import argparse
import asyncio
import json
import math
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import voice_corpus
from server import Server, running, serving
from voice_peers import peer
from voice_report import chart, table
from voice_run import Caller, Measured, interruptions
from voice_saved import saved
from voice_score import by_kind, summary

HERE = Path(__file__).parent
RULE = {"type": "server_vad", "silence_duration_ms": 500}
"""The rule that everybody has: half a second of silence ends a turn."""
HOSTED = HERE / "voice_hosted_desk"


@dataclass(frozen=True)
class System:
    """Something that answers calls. ``desk``: the folder, if it is ours; else it is a peer."""

    title: str
    model: str
    desk: Path | None = None
    detection: dict[str, Any] | None = None
    hosted: bool = False
    """Its dialogue model is one that takes its time."""

    @contextmanager
    def serving(self) -> Iterator[Server]:
        with ExitStack() as stack:
            if self.hosted:
                model = stack.enter_context(
                    running([sys.executable, str(HERE / "voice_hosted.py")])
                )
                os.environ["VOICE_HOSTED"] = f"{model.url}/v1"
            ours = self.desk is not None
            server = serving("embedded", self.desk) if ours else running(peer(self.model))
            yield stack.enter_context(server)


SYSTEMS = {
    "desk": System("Frontdesk, example desk", "support", HERE.parent),
    "frontdesk": System("Frontdesk", "voice", HERE / "voice_desk"),
    "rule": System("Frontdesk, 500 ms of silence", "voice", HERE / "voice_desk", RULE),
    "livekit": System("LiveKit Agents", "livekit"),
    "pipecat": System("Pipecat", "pipecat"),
    "ahead": System("400 ms to the first word", "ahead", HOSTED, hosted=True),
    "sure": System("the same, nothing begun early", "sure", HOSTED, hosted=True),
    "ahead-rule": System("the same, 500 ms of silence", "ahead", HOSTED, RULE, hosted=True),
    "sure-rule": System("the same, nothing begun early", "sure", HOSTED, RULE, hosted=True),
}
"""``desk`` answers by the embedded dialogue model and tools; the others by the same stand-in, the
last four by one that takes its time: they are measured when they are named."""


def measure(system: System, clips: list[voice_corpus.Clip], few: bool, keep: Path | None) -> Any:
    """All calls at one system; what came of them as JSON."""
    wanted = interruptions()
    wanted = [wanted[0], wanted[-5]] if few else wanted
    with system.serving() as server:
        url = f"{server.ws}/v1/realtime?model={system.model}"
        caller, measured = Caller(url, system.detection, keep), Measured()

        async def calls() -> None:
            whole = await caller.warm_up()
            await caller.turns(clips, measured)
            if system.desk != HERE.parent and not system.hosted:  # its answers differ in length
                await caller.sounds(wanted, whole, measured)

        began, cpu = time.perf_counter(), server.cpu_seconds()
        asyncio.run(calls())
        elapsed, cpu = time.perf_counter() - began, server.cpu_seconds() - cpu
        ours = saved(server.url) if system.desk else {}
    return {
        "title": system.title,
        "summary": {**summary(measured.turns, measured.sounds), **ours, "cpu": cpu / elapsed},
        "by_kind": by_kind(measured.turns),
        "turns": [asdict(turn) for turn in measured.turns],
        "sounds": [asdict(sound) for sound in measured.sounds],
        "lost": measured.lost,
        "in_use": server.in_use,
        "seconds": elapsed,
    }


def _usual() -> list[str]:
    return [name for name, system in SYSTEMS.items() if not system.hosted]


def _finite(value: Any) -> Any:
    """The same with null for what there is no figure of: JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three turns and two sounds at ours")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, metavar="NAME", help="which: most")
    parser.add_argument(
        "--clips",
        nargs="+",
        default=[""],
        metavar="NAME",
        help="only turns with one of these in their name",
    )
    parser.add_argument(
        "--held-out", action="store_true", help="turns that no weight was chosen on"
    )
    parser.add_argument("--keep", type=Path, help="store each call here, caller left, agent right")
    parser.add_argument("--json", type=Path, help="also write everything here")
    parser.add_argument("--chart", type=Path, help="also draw the waits and cut-offs as SVG")
    options = parser.parse_args()
    names = options.systems or (["frontdesk"] if options.quick else _usual())
    few, held_out = options.quick, options.held_out
    clips = voice_corpus.quick() if few else voice_corpus.corpus(held_out=held_out)
    clips = [clip for clip in clips if any(name in clip.name for name in options.clips)]
    results: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "load": os.getloadavg()[0],
        "systems": {},
    }
    for name in names:
        print(SYSTEMS[name].title, file=sys.stderr)
        keep = options.keep and options.keep / name
        results["systems"][name] = measure(SYSTEMS[name], clips, options.quick, keep)
        if options.json:
            told = json.dumps(_finite(results), indent=2, allow_nan=False)
            options.json.write_text(f"{told}\n", encoding="utf-8")
    print(table(results))
    if options.chart:
        options.chart.write_text(chart(results), encoding="utf-8")


if __name__ == "__main__":
    main()
