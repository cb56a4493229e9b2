"""What a call costs: the layer with instant models, the whole chain with embedded ones.

    python benchmarks/first_call.py [--quick] [--json FILE]

The server runs as a process of its own, on one core; the callers run on another. Callers stream
20 ms PCM16 frames in real time, as base64 JSON, and commit a turn every 5 s. With embedded models
the demo's turns are spoken, and the time is taken from the last audible sample of the caller to
the first audible sample of the answer, at the caller's ear.
"""

import argparse
import asyncio
import base64
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import websockets

sys.path.append(str(Path(__file__).parent))
from server import Server, serving

DESK = Path(__file__).parent / "desk"
FRAME = base64.b64encode(bytes(960)).decode()  # 20 ms of 24 kHz PCM16
APPEND = f'{{"type":"input_audio_buffer.append","audio":"{FRAME}"}}'
SESSION = {
    "type": "session.update",
    "session": {"type": "realtime", "audio": {"input": {"turn_detection": None}}},
}

# Measured in November 2026 on 2 cores, one worker on one core, with the same load as here and all
# models instant. They move by 15 % from run to run: compare ratios.
PEERS = """
peer, its own cost with instant models    one call, ms p50/p95   calls a core   CPU-s a call-minute
bare FastAPI socket (the floor)           0.50 / 0.61            450 or more    0.12
openai-agents VoicePipeline, streamed     9.5 / 12.7             about 180      0.24 to 0.30
LiveKit Agents 1.8.9, manual commit       12.5 / 16.9            about 80       0.48
Pipecat 1.14, defaults                    21.5 / 26.2            about 15       2.5 to 3.1
""".strip()


class Caller:
    """One call of the load: streams, commits, waits for the first audio."""

    def __init__(self, url: str) -> None:
        self.url = url.replace("http", "ws") + "/v1/realtime?model=bench"
        self.latencies: list[float] = []

    async def run(self, turns: int, every: float, offset: float) -> None:
        await asyncio.sleep(offset)
        async with websockets.connect(self.url, max_size=None, compression=None) as socket:
            await self._until(socket, "session.created")
            await socket.send(json.dumps(SESSION))
            await self._until(socket, "session.updated")
            streaming = asyncio.create_task(self._stream(socket))
            try:
                for _ in range(turns):
                    began = time.perf_counter()
                    await asyncio.sleep(0.2)
                    await socket.send('{"type":"input_audio_buffer.commit"}')
                    asked = time.perf_counter()
                    await socket.send('{"type":"response.create"}')
                    await self._until(socket, "response.output_audio.delta")
                    self.latencies.append(1000 * (time.perf_counter() - asked))
                    await self._until(socket, "response.done")
                    await asyncio.sleep(max(0.0, every - (time.perf_counter() - began)))
            finally:
                streaming.cancel()

    async def _stream(self, socket: websockets.ClientConnection) -> None:
        began, sent = time.perf_counter(), 0
        while True:
            await socket.send(APPEND)
            sent += 1
            await asyncio.sleep(max(0.0, began + sent * 0.02 - time.perf_counter()))

    async def _until(self, socket: websockets.ClientConnection, kind: str) -> None:
        mark = f'"type":"{kind}"'
        async for frame in socket:
            if mark in str(frame[:300]):
                return
            if '"type":"error"' in str(frame[:300]):
                raise RuntimeError(str(frame))
        raise RuntimeError(f"the server left before {kind}")


async def load(server: Server, calls: int, turns: int, every: float) -> dict[str, float]:
    """``calls`` at once; the first three turns of each are left out as warm-up."""
    callers = [Caller(server.url) for _ in range(calls)]
    cpu, began = server.cpu_seconds(), time.perf_counter()
    spread = every / max(calls, 1)
    await asyncio.gather(*(c.run(turns, every, n * spread) for n, c in enumerate(callers)))
    elapsed = time.perf_counter() - began
    used = server.cpu_seconds() - cpu
    latencies = sorted(ms for caller in callers for ms in caller.latencies[min(3, turns - 1) :])
    return {
        "calls": calls,
        "p50_ms": quantile(latencies, 0.50),
        "p95_ms": quantile(latencies, 0.95),
        "p99_ms": quantile(latencies, 0.99),
        "cpu_percent": 100 * used / elapsed,
        "cpu_s_per_call_minute": 60 * used / (calls * turns * every) if every >= 1 else 0.0,
    }


def quantile(ordered: list[float], share: float) -> float:
    """The value below which ``share`` of the values lie."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def instant(quick: bool) -> list[dict[str, float]]:
    """One call, turn after turn; then more and more calls until p95 passes 100 ms."""
    rows: list[dict[str, float]] = []
    with serving("instant", DESK, cpu=0) as server:
        rows.append(await load(server, 1, turns=20, every=0.5))
        for calls in (10, 50) if quick else (10, 50, 100, 150, 200, 250):
            rows.append(await load(server, calls, turns=3 if quick else 5, every=5.0))
            if rows[-1]["p95_ms"] > 100:
                break
    return rows


def embedded() -> list[float]:
    """Milliseconds from end of speech to first sound for the demo's turns."""
    with tempfile.TemporaryDirectory() as data:
        told = subprocess.run(
            [sys.executable, "-m", "frontdesk", "demo", "--exit"],
            env={**os.environ, "FRONTDESK_DATA": data},
            capture_output=True,
            text=True,
            check=False,
        )
    return [float(ms) for ms in re.findall(r"first sound\s+(\d+) ms", told.stdout)]


@contextmanager
def _on_core(number: int):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {number} & before or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer calls, a minute in all")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    with _on_core(1):
        rows = asyncio.run(instant(options.quick))
    print("Frontdesk, instant models: commit to first audio byte, one tool call a turn")
    for row in rows:
        print(
            f"  {row['calls']:>4.0f} calls   p50 {row['p50_ms']:6.1f}  p95 {row['p95_ms']:6.1f}"
            f"  p99 {row['p99_ms']:6.1f} ms   CPU {row['cpu_percent']:5.1f} %"
            f"   {row['cpu_s_per_call_minute']:.2f} CPU-s a call-minute"
        )
    print(f"\n{PEERS}\n")
    spoken = embedded()
    mean = statistics.mean(spoken) if spoken else float("nan")
    print("Embedded models: end of speech to first sound, at the ear")
    print(f"  turns {', '.join(f'{ms:.0f}' for ms in spoken)} ms, mean {mean:.0f} ms")
    if options.json:
        figures = {"instant": rows, "embedded_ms": spoken}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
