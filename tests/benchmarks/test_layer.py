"""The benchmark of the layer runs from end to end; what it measures here proves nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.timeout(600)  # 130 s where ten others want the two cores
def test_a_quick_run_holds_every_kind_of_call_and_prints_every_figure(tmp_path: Path) -> None:
    told = subprocess.run(
        [
            sys.executable,
            ROOT / "benchmarks" / "layer.py",
            "--quick",
            "--json",
            tmp_path / "f.json",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    figures = json.loads((tmp_path / "f.json").read_text())
    kinds = ("floor", "runner", "manual", "vad", "cancelled")
    loads = [load for kind in kinds for load in figures[kind]]
    assert len(loads) == 10
    for load in loads:
        assert load["lost"] == []
        assert load["late_audio"] == 0
        assert len(load["turns"]) == load["calls"]
        assert all(seconds > 0 for turns in load["turns"] for seconds in turns)
    assert min(figures["runner_ms"]) > 0
    goals = [line for line in told.stdout.splitlines() if line.startswith(("PASS", "MISS"))]
    assert len(goals) == 13
