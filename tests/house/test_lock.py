import re
from itertools import chain, product
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PLATFORMS = {
    "linux x86_64": ("linux", "Linux", "x86_64"),
    "linux aarch64": ("linux", "Linux", "aarch64"),
    "macOS arm64": ("darwin", "Darwin", "arm64"),
}


OTHERS = ("tests/clients/python/requirements", "tests/mcp_peers/modern", "tests/mcp_peers/legacy")
ENGINE = "tests/clickhouse.lock"
LOCKS = ("requirements.lock", ENGINE, *(f"{name}.lock" for name in OTHERS))


@pytest.fixture(scope="module")
def lock(root: Path) -> str:
    return (root / "requirements.lock").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pins(lock: str) -> dict[Requirement, list[str]]:
    return read(lock)


def read(lock: str) -> dict[Requirement, list[str]]:
    """Every pinned package, with its hashes."""
    text = re.sub(r"(?m)^\s*#.*\n", "", lock).replace("\\\n", " ")
    lines = [line.split(" --hash=") for line in text.splitlines() if line.strip()]
    return {Requirement(pin): [digest.strip() for digest in hashes] for pin, *hashes in lines}


def declared(pyproject: dict[str, Any]) -> list[Requirement]:
    project = pyproject["project"]
    extras = project["optional-dependencies"].values()
    return [Requirement(line) for line in [*project["dependencies"], *chain(*extras)]]


def environment(python: str, platform: str) -> dict[str, str]:
    sys_platform, system, machine = PLATFORMS[platform]
    version = {"python_version": python, "python_full_version": f"{python}.1"}
    return {
        **default_environment(),
        **version,
        "sys_platform": sys_platform,
        "platform_system": system,
        "platform_machine": machine,
    }


@pytest.mark.parametrize("file", LOCKS)
def test_every_package_is_pinned_with_hashes(root: Path, file: str) -> None:
    pins = read((root / file).read_text(encoding="utf-8"))
    assert len(pins) > (1 if file == ENGINE else 30)
    for pin, hashes in pins.items():
        assert re.fullmatch(r"==[\w.+!]+", str(pin.specifier)), pin
        assert hashes, pin
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes), pin


@pytest.mark.parametrize("file", LOCKS)
def test_the_lock_names_no_host_and_no_folder_of_a_machine(root: Path, file: str) -> None:
    lock = (root / file).read_text(encoding="utf-8")
    assert not re.search(r"://|index-url|find-links|trusted-host", lock)
    assert not re.search(r"(?m)(^|\s)(/|~|[A-Z]:\\)\w", lock)
    assert "file:" not in lock


@pytest.mark.parametrize(
    ("python", "platform"), list(product(["3.11", "3.12", "3.13"], PLATFORMS)), ids=str
)
def test_every_dependency_is_locked_once_for_each_python_and_platform(
    pins: dict[Requirement, list[str]], pyproject: dict[str, Any], python: str, platform: str
) -> None:
    here = environment(python, platform)
    for wanted in declared(pyproject):
        if wanted.marker and not wanted.marker.evaluate(here):
            continue
        name = canonicalize_name(wanted.name)
        matching = [
            pin
            for pin in pins
            if canonicalize_name(pin.name) == name and (not pin.marker or pin.marker.evaluate(here))
        ]
        assert len(matching) == 1, f"{wanted} is locked as {matching}"
        [specifier] = matching[0].specifier
        assert wanted.specifier.contains(specifier.version, prereleases=True), matching[0]


def test_the_tools_of_development_come_last_so_that_an_image_can_leave_them_out(lock: str) -> None:
    runtime, mark, development = lock.partition("# --- development")
    core, _, embedded = runtime.partition("# --- embedded models")
    assert mark
    assert "\nfastapi==" in core and "\nonnxruntime==" not in core
    assert "\nonnxruntime==" in embedded and "\npipecat-ai==1.14.0" in embedded
    assert "\npytest==" in development and "\npytest==" not in runtime
