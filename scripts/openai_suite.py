"""Runs openai-python's own tests of the audio, models and Realtime endpoints against Frontdesk.

The tests come from the sdist of the installed version, which pip fetches by the hash in
tests/clients/openai_suite.pin, and run in a folder that is thrown away. What does not pass and why,
and what passes, is kept in tests/clients/openai_suite.txt; any other outcome fails. With --write,
the list of what passes is written anew.

    .venv/bin/python scripts/openai_suite.py .venv-peers/bin/python [--write]
"""

import asyncio
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import soundfile

from frontdesk.cli.server import started
from frontdesk.ports import free_port
from frontdesk.settings import Settings

ROOT = Path(__file__).parents[1]
PIN = ROOT / "tests" / "clients" / "openai_suite.pin"
KEPT = ROOT / "tests" / "clients" / "openai_suite.txt"
DESK = ROOT / "tests" / "clients" / "openai_desk"
SUITES = ("audio", "realtime", "test_models.py")
PLACEHOLDER, REAL = 'b"Example data"', "a real WAV"
"""The transcription suite uploads this, as it was made for a mock that does not listen. Its files
are run once as they are, and once more with a sound in its place."""
PASSES, FAILS = "passes ", "fails "

Outcomes = dict[str, str | None]
"""Why a test failed in one of its variants, by ``file::class::name``; None if it passed in all."""


def main() -> None:
    python, write = str(Path(sys.argv[1]).absolute()), "--write" in sys.argv
    installed = version("openai")
    if f"openai=={installed} " not in PIN.read_text(encoding="utf-8"):
        sys.exit(f"{PIN.name} pins another openai than the installed {installed}: pin its sdist")
    with tempfile.TemporaryDirectory() as folder:
        fetch(Path(folder))
        outcomes = asyncio.run(against_a_server(python, Path(folder)))
    if write:
        write_list(outcomes)
    if unexpected := compare(outcomes, KEPT.read_text(encoding="utf-8").splitlines()):
        sys.exit("\n".join(unexpected))
    passed = list(outcomes.values()).count(None)
    print(f"{passed} of the {len(outcomes)} tests of openai {installed} pass, as {KEPT.name} says")


def fetch(folder: Path) -> None:
    """The sdist's tests, into ``folder``."""
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-build-isolation", "--no-binary", ":all:", "--require-hashes"),
            *("--dest", str(folder), "--requirement", str(PIN)),
        ],
        check=True,
    )
    (sdist,) = folder.glob("openai-*.tar.gz")
    with tarfile.open(sdist) as archive:
        for member in archive:
            _, _, member.name = member.name.partition("/")
            if member.name.startswith("tests/") or member.name == "pyproject.toml":
                archive.extract(member, folder, filter="data")


async def against_a_server(python: str, folder: Path) -> Outcomes:
    data = folder / "data"
    async with started(
        Settings(desk=DESK, data=data, models="instant", port=free_port())
    ) as server:
        suites = [f"tests/api_resources/{suite}" for suite in SUITES]
        outcomes = await run(python, folder, server.url, suites)
        transcriptions = folder / "tests" / "api_resources" / "audio" / "test_transcriptions.py"
        with_sound(transcriptions)
        again = await run(python, folder, server.url, [str(transcriptions.relative_to(folder))])
        return outcomes | {f"{name} ({REAL})": why for name, why in again.items()}


def with_sound(suite: Path) -> None:
    """Put a sound file in the place of its placeholder."""
    sound = io.BytesIO()
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(16_000) / 16_000)
    soundfile.write(sound, tone, 16_000, format="WAV")
    (suite.parent / "sound.wav").write_bytes(sound.getvalue())
    text = suite.read_text(encoding="utf-8")
    read = "__import__('pathlib').Path(__file__).with_name('sound.wav').read_bytes()"
    suite.write_text(text.replace(PLACEHOLDER, read), encoding="utf-8")


async def run(python: str, folder: Path, url: str, suites: list[str]) -> Outcomes:
    report = folder / "report.xml"
    process = await asyncio.create_subprocess_exec(
        *(python, "-m", "pytest", "-o", "addopts=", "-p", "no:cacheprovider", "-q", "--tb=no"),
        *("--no-summary", f"--junitxml={report}", *suites),
        cwd=folder,
        env={**os.environ, "TEST_API_BASE_URL": f"{url}/v1", "PYTHONPATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode not in (0, 1):
        sys.exit(f"the suites could not be run:\n{output.decode()}")
    outcomes: Outcomes = {}
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("skipped") is not None:
            continue
        module = case.attrib["classname"].removeprefix("tests.api_resources.").split(".")
        file, group = "/".join(module[:-1]) + ".py", module[-1]
        name = f"{file}::{group}::{case.attrib['name'].partition('[')[0]}"
        trouble = case.find("failure")
        trouble = case.find("error") if trouble is None else trouble
        why = None if trouble is None else trouble.attrib.get("message", "").splitlines()[0]
        outcomes[name] = outcomes.get(name) or why
    return outcomes


def write_list(outcomes: Outcomes) -> None:
    kept = KEPT.read_text(encoding="utf-8").splitlines()
    others = [line for line in kept if not line.startswith(PASSES)]
    passes = [PASSES + name for name, why in sorted(outcomes.items()) if why is None]
    KEPT.write_text("\n".join([*others, *passes, ""]), encoding="utf-8")


def compare(outcomes: Outcomes, kept: list[str]) -> list[str]:
    """What is not as kept: lines ``passes NAME`` and ``fails PATTERN: WHY``."""
    passes = {line.removeprefix(PASSES) for line in kept if line.startswith(PASSES)}
    fails = [line.removeprefix(FAILS).split(": ")[0] for line in kept if line.startswith(FAILS)]
    failed = [name for name, why in outcomes.items() if why is not None]
    told = [f"is not run any more: {name}" for name in passes - outcomes.keys()]
    told += [f"passes now: {n}" for n, why in outcomes.items() if why is None and n not in passes]
    for name in failed:
        if name in passes:
            told.append(f"does not pass any more: {name} ({outcomes[name]})")
        elif not any(fnmatchcase(name, pattern) for pattern in fails):
            told.append(f"does not pass, and nothing says why: {name} ({outcomes[name]})")
    for pattern in fails:
        if not any(fnmatchcase(name, pattern) for name in failed):
            told.append(f"is said to fail, and nothing of it does: {pattern}")
    return sorted(told)


if __name__ == "__main__":
    main()
