"""The benchmark of tracing runs from end to end; what times it measures here proves nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PARTS = ("span", "ingest", "pages")
"""Without those that start servers, or that wait for backends that do not answer."""


@pytest.mark.timeout(240)
def test_a_quick_run_measures_spans_and_pages(tmp_path: Path) -> None:
    parts = [option for part in PARTS for option in ("--only", part)]
    told = subprocess.run(
        [sys.executable, ROOT / "benchmarks/tracing.py", "--quick", *parts, "--json", "f.json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    figures = json.loads((tmp_path / "f.json").read_text())
    assert min(figures["span_loop"], figures["span_writer"], figures["received"]) > 0
    assert len(figures["pages"]) == 10
    assert all(page["cpu"] > 0 for page in figures["pages"].values())
    goals = [line for line in told.stdout.splitlines() if line.startswith(("PASS", "MISS"))]
    assert len(goals) == 1
