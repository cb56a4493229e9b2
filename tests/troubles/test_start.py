"""What a user meets before the first call: each mistake is told in one message."""

import shutil
import socket
from pathlib import Path

import numpy as np
import pytest

from frontdesk.voice.audio import write_wav

INSTANT = ("--port", 0, "--models", "instant")


@pytest.fixture
def copy(desk, tmp_path):
    """A desk to spoil."""
    return Path(shutil.copytree(desk, tmp_path / "desk"))


def spoil(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_wrong_team_file_is_told_by_line(frontdesk, copy):
    file = copy / "agents" / "support.yaml"
    spoil(file, "    description: Answers.", "    descripton: Answers.")
    code, printed = frontdesk("serve", copy, *INSTANT)
    assert code == 1
    assert f"{file}:12:5: unknown key `descripton` (did you mean `description`?)" in printed


def test_broken_yaml_is_told_by_line(frontdesk, copy):
    file = copy / "agents" / "support.yaml"
    spoil(file, "entry: clerk", "entry: [clerk")
    code, printed = frontdesk("serve", copy, *INSTANT)
    assert code == 1
    assert f"{file}:" in printed
    assert "not valid YAML" in printed


def test_a_missing_prompt_is_named(frontdesk, copy):
    (copy / "agents" / "clerk.md").unlink()
    code, printed = frontdesk("serve", copy, *INSTANT)
    assert code == 1
    assert "clerk.md does not exist" in printed


@pytest.mark.parametrize(("command", "options"), [("serve", INSTANT), ("check", ())])
def test_a_folder_that_is_no_desk_is_told(frontdesk, tmp_path, command, options):
    code, printed = frontdesk(command, tmp_path / "nowhere", *options)
    assert code == 1
    assert "not a desk (`frontdesk init FOLDER` makes a desk)" in printed


def test_a_port_in_use_is_told_with_the_mend(frontdesk, desk):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, printed = frontdesk("serve", desk, "--port", port, "--models", "instant")
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in printed
    assert "--port" in printed


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("FRONTDESK_PORT", "eighty", "FRONTDESK_PORT: Input should be a valid integer"),
        ("FRONTDESK_MODELS", "magic", "FRONTDESK_MODELS: Input should be"),
        ("FRONTDESK_TEAM", "nobody", "FRONTDESK_TEAM is 'nobody', but the desk has `support`"),
        ("FRONTDESK_DATA", "/proc/nowhere", "the data folder /proc/nowhere cannot be written"),
        ("FRONTDESK_DATA", "/etc/hostname", "the data folder /etc/hostname cannot be written"),
        ("FRONTDESK_REDIS_URL", "nonsense:s3cret", "FRONTDESK_REDIS_URL cannot be read"),
    ],
)
def test_a_wrong_setting_is_named(frontdesk, desk, name, value, told):
    words = ("serve", desk) if name in ("FRONTDESK_PORT", "FRONTDESK_MODELS") else None
    code, printed = frontdesk(*(words or ("serve", desk, *INSTANT)), **{name: value})
    assert code == 1
    assert told in printed
    assert "s3cret" not in printed


def test_hosted_models_without_a_key_are_told(frontdesk, desk, monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    code, printed = frontdesk("serve", desk, "--port", 0, "--models", "openai")
    assert code == 1
    assert "set OPENAI_API_KEY" in printed


def test_nobody_at_the_other_end_is_told(frontdesk, tmp_path):
    speech = tmp_path / "speech.wav"
    write_wav(speech, np.zeros(8000, np.float32), np.zeros(8000, np.float32), 8000)
    for words in (("call", speech), ("chat",)):
        code, printed = frontdesk(*words, "--url", "http://127.0.0.1:1")
        assert code == 1
        assert "start one with `frontdesk serve`" in printed
