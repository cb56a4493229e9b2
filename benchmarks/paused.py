"""A store that stops answering under live calls: what do callers hear of it?

    python benchmarks/paused.py [--calls 50] [--seconds 5] [--models embedded]

Callers stream audio and hold a turn every 5 s, as in ``layer.py``; in the middle of it the store is
stopped (``SIGSTOP``), and goes on so many seconds later. Told is how long each answer took to begin
before, during and after, and the largest hole in the sound of any answer: how long a player that
began with the first sound had run dry. Every call must hold all its turns, and be on record whole.
"""

import argparse
import asyncio
import json
import os
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any, ClassVar

from caller import Caller
from load import MANUAL, Load, committed
from server import Server, serving

HERE = Path(__file__).parent
EVERY = 5.0
BEFORE, AFTER = 2, 2
"""Turns of each call before and after."""
CATCHING_UP = 10.0
PCM_MS = 48 * 4 / 3
"""Characters of base64 in a millisecond of 24 kHz PCM16."""


class Player(Caller):
    """Plays what it gets, and notes where that ran dry, and what it was told of."""

    everybody: ClassVar[list["Player"]] = []

    def __init__(self, url: str, silence: bytes) -> None:
        super().__init__(url, silence)
        self.everybody.append(self)
        self.call_id = ""
        self.items: list[str] = []
        self.gap = 0.0
        """The largest hole, in seconds."""
        self._plays = ("", 0.0)
        """The response whose sound is played, and until when it lasts."""

    def _take(self, frame: bytes, at: float) -> None:
        super()._take(frame, at)
        event: dict[str, Any] = json.loads(frame)
        match event["type"]:
            case "session.created":
                self.call_id = event["session"]["id"]
            case "conversation.item.added":
                self.items.append(event["item"]["id"])
            case "response.output_audio.delta":
                response, until = self._plays
                if response != event["response_id"]:
                    until = at
                self.gap = max(self.gap, at - until)
                until = max(until, at) + len(event["delta"]) / PCM_MS / 1000
                self._plays = event["response_id"], until
            case _:
                pass


async def paused(server: Server, calls: int, seconds: float) -> dict[str, Any]:
    """Run the load, stop the store in it, and tell what came of it."""
    turns = BEFORE + AFTER + round(seconds / EVERY) + 1
    load = Load(server, calls, committed, MANUAL, turns, EVERY, caller=Player)
    stopped_at = BEFORE * EVERY

    async def pause() -> None:
        await asyncio.sleep(stopped_at)
        for store in server.stores:
            os.kill(store, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        for store in server.stores:
            os.kill(store, signal.SIGCONT)

    measured, _ = await asyncio.gather(load.run(), pause())
    short = [len(took) for took in measured.turns if len(took) != turns]
    forgotten = [
        player.call_id for player in Player.everybody if not await on_record(server, player)
    ]
    # The callers' turns are spread over EVERY seconds: in the third round some had begun before.
    begins = {"before": (1, BEFORE), "paused": (BEFORE + 1, turns - AFTER), "after": (turns, turns)}
    return {
        "calls": calls,
        "seconds": seconds,
        "lost": measured.lost + [f"a call held {held} of {turns} turns" for held in short],
        "forgotten": forgotten,
        "gap_ms": 1000 * max(player.gap for player in Player.everybody),
        "first_audio_ms": {
            when: [measured.milliseconds(share, *which) for share in (0.5, 1.0)]
            for when, which in begins.items()
        },
    }


async def on_record(server: Server, player: Player) -> bool:
    """Whether all that the player was told of comes to be on record, in that order."""
    deadline = time.monotonic() + CATCHING_UP
    while time.monotonic() < deadline:
        if await asyncio.to_thread(_items, server, player.call_id) == player.items:
            return True
        await asyncio.sleep(0.1)
    return False


def _items(server: Server, call_id: str) -> list[str]:
    path = f"{server.url}/api/calls/{call_id}/conversation"
    with urllib.request.urlopen(path, timeout=10) as answer:
        stored = json.load(answer)["items"]
    return [one["item"]["id"] for one in stored if not one["hidden"]]


def report(found: dict[str, Any]) -> str:
    """For people."""
    lines = [f"The store paused for {found['seconds']:g} s under {found['calls']} calls"]
    lines += [f"  LOST {why}" for why in found["lost"]]
    lines += [f"  NOT ON RECORD {call_id}" for call_id in found["forgotten"]]
    lines += [
        f"  first audio, ms, {when:<8} p50 {p50:.1f}, worst {worst:.1f}"
        for when, (p50, worst) in found["first_audio_ms"].items()
    ]
    good = not (found["lost"] or found["forgotten"])
    lines.append(f"  largest gap in an answer, ms  {found['gap_ms']:.1f}")
    lines.append(f"{'PASS' if good else 'MISS'}  no call is lost, all of each is on record")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--models", choices=("embedded", "instant"), default="instant")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    chosen = parser.parse_args()
    with serving(chosen.models, HERE / "desk") as server:
        found = asyncio.run(paused(server, chosen.calls, chosen.seconds))
    print(report(found))
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
