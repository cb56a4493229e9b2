"""Our own commands against servers with keys."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frontdesk.voice.audio import write_wav


def frontdesk(*words: str, typed: str = "", **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "frontdesk", *words],
        input=typed,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.fixture
def speech(tmp_path: Path) -> str:
    """A second of tone, which instant models take for speech."""
    tone = (0.3 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)).astype(np.float32)
    file = tmp_path / "speech.wav"
    write_wav(file, tone, tone, 24_000)
    return str(file)


def test_a_call_is_placed_with_the_key_of_the_option(
    keyed_server: Any, key: str, speech: str
) -> None:
    called = frontdesk("call", speech, "--url", keyed_server.url, "--key", key)
    assert called.returncode == 0, called.stderr
    assert "agent " in called.stdout


def test_a_chat_takes_the_key_of_the_environment(keyed_server: Any, key: str) -> None:
    chat = frontdesk("chat", "--url", keyed_server.url, typed="Hello\n", FRONTDESK_API_KEY=key)
    assert chat.returncode == 0, chat.stderr
    assert "agent " in chat.stdout


def test_the_server_of_the_same_settings_is_called_with_its_own_key(
    keyed_server: Any, key: str
) -> None:
    port = keyed_server.url.rsplit(":", 1)[1]
    chat = frontdesk("chat", typed="Hello\n", FRONTDESK_API_KEYS=key, FRONTDESK_PORT=port)
    assert f"Chatting at {keyed_server.url}" in chat.stderr
    assert "agent " in chat.stdout


@pytest.mark.parametrize("command", ["call", "chat"])
def test_a_key_that_is_not_accepted_is_told_with_the_mend(
    keyed_server: Any, speech: str, command: str
) -> None:
    words = ["call", speech] if command == "call" else ["chat"]
    told = frontdesk(*words, "--url", keyed_server.url, typed="Hello\n")
    assert told.returncode == 1
    assert "does not know the key" in told.stderr
    assert "--key" in told.stderr
    assert "Traceback" not in told.stderr
