"""The benchmark of the state runs from end to end; what times it measures here proves nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.timeout(240)
def test_a_quick_run_keeps_calls_both_ways_and_prints_every_goal(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, ROOT / "benchmarks/state.py", "--quick", "--json", tmp_path / "f.json"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    figures = json.loads((tmp_path / "f.json").read_text())
    for way in ("clear", "encrypted"):
        measured = figures[way]
        assert min(measured["append"]) > 0 and min(measured["load"]) > 0
        assert measured["most"].keys() == {"40", "200", "600"} == measured["over"].keys()
        assert (
            max(measured["most"].values()) < 64 * 1024
        )  # this, unlike times, is the same anywhere
        assert measured["over"]["40"] < 8 * 1024
    goals = [line for line in told.stdout.splitlines() if line.startswith(("PASS", "MISS"))]
    assert len(goals) == 6
