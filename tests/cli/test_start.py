"""What a command loads before it does anything: a newcomer notices each second."""

import subprocess
import sys

HEAVY = {"agents", "fastapi", "mcp", "numpy", "onnxruntime", "openai", "redis", "soundfile"}


def test_no_command_is_held_up_by_what_only_the_server_needs() -> None:
    code = "import sys, frontdesk.cli; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not HEAVY & set(loaded)
