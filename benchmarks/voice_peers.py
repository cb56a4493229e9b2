"""The environment in which peers run, and how each is started."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
WANTED = HERE / "voice_peers.txt"
VENV = Path(os.environ.get("VOICE_PEERS", Path(tempfile.gettempdir()) / "frontdesk-voice-peers"))


def peer(name: str) -> list[str]:
    """The command that serves ``livekit`` or ``pipecat``."""
    python = VENV / "bin" / "python"
    done = VENV / "installed.txt"
    if not done.is_file() or done.read_bytes() != WANTED.read_bytes():
        print(f"installing what is compared into {VENV}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--requirement", WANTED], check=True)
        done.write_bytes(WANTED.read_bytes())
    return [str(python), str(HERE / f"voice_{name}.py")]
