"""The benchmark of the take-over runs from end to end; what it measures here proves nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
STEPS = [
    "noticed",
    "connected",
    "session.created",
    "response.created",
    "response.output_item.added",
    "response.output_audio.delta",
]


@pytest.mark.timeout(300)
def test_a_killed_worker_is_taken_over_step_by_step(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "benchmarks/takeover.py", "--kills", "1", "--json", tmp_path / "f.json"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    [taken] = json.loads((tmp_path / "f.json").read_text())
    assert list(taken) == STEPS
    assert list(taken.values()) == sorted(taken.values())
    assert "take-over under 1 s after the reconnect" in told.stdout
