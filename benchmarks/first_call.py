"""What a caller waits with the embedded models: end of speech to first sound, at the ear.

    python benchmarks/first_call.py [--json FILE]

The demo's turns are spoken and answered in real time, and the time is taken from the last audible
sample of the caller to the first audible sample of the answer. What the layer itself costs, with
the models taken out, is measured by ``layer.py``.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    spoken = embedded()
    mean = statistics.mean(spoken) if spoken else float("nan")
    print("Embedded models: end of speech to first sound, at the ear")
    print(f"  turns {', '.join(f'{ms:.0f}' for ms in spoken)} ms, mean {mean:.0f} ms")
    if options.json:
        options.json.write_text(json.dumps({"embedded_ms": spoken}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
