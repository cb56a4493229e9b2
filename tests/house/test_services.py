"""What compose.yaml, the Dockerfile and the collector's file say must be there."""

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from packaging.requirements import Requirement

from frontdesk.api.keys import KeysError, load_keys
from frontdesk.settings import Settings

WORKERS = ("worker1", "worker2")
SERVICES = {*WORKERS, "proxy", "redis", "orders", "knowledge", "collector", "clickhouse"}
OF_OTHERS = {"FRONTDESK_MCP_TOKEN"}


def help_of(command: list[str], root: Path) -> str:
    """The help of one of our commands; fails where there is no such command."""
    program, *arguments = command
    if program == "frontdesk":
        argv = ["-m", "frontdesk", arguments[0]]
    else:
        assert program == "python"
        argv = [str(root / arguments[0])]
    # Wide, and without colours: an option must not be broken over two lines.
    plain = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    shown = subprocess.run(
        [sys.executable, *argv, "--help"],
        cwd=root,
        env=plain,
        capture_output=True,
        text=True,
        check=True,
    )
    return shown.stdout


def test_the_services_are_all_there(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == SERVICES


@pytest.mark.parametrize("name", ["worker1", "orders", "knowledge"])
def test_each_command_of_ours_exists_and_knows_its_options(
    compose: dict[str, Any], pyproject: dict[str, Any], root: Path, name: str
) -> None:
    service = compose["services"][name]
    assert service["build"] == "."
    command = [str(word) for word in service["command"]]
    assert command[0] in {"python", *pyproject["project"]["scripts"]}
    options = [word for word in command if word.startswith("--")]
    shown = help_of(command, root)
    assert all(option in shown for option in options), shown


def test_the_variables_given_to_frontdesk_are_ones_it_reads(
    compose: dict[str, Any], root: Path
) -> None:
    given = compose["services"]["worker1"]["environment"]
    known = {f"FRONTDESK_{name.upper()}" for name in Settings.model_fields} | OF_OTHERS
    assert {name for name in given if name.startswith("FRONTDESK_")} <= known
    mcp = (root / "mcp_servers" / "mcp.json").read_text(encoding="utf-8")
    for name in given:
        if name.endswith("_MCP_URL"):
            assert f"${{env:{name}" in mcp


def test_every_address_is_of_a_service_that_listens_there(
    compose: dict[str, Any], collector: dict[str, Any]
) -> None:
    protocols = collector["receivers"]["otlp"]["protocols"].values()
    ports = {
        "redis": {6379},
        "collector": {int(each["endpoint"].rsplit(":", 1)[1]) for each in protocols},
    }
    for name in ("orders", "knowledge"):
        command = compose["services"][name]["command"]
        ports[name] = {int(command[command.index("--port") + 1])}
        assert command[command.index("--host") + 1] == "0.0.0.0"
    urls = [str(v) for v in compose["services"]["worker1"]["environment"].values() if v]
    addressed = [urlsplit(url) for url in urls if "://" in url]
    assert len(addressed) == 4
    for address in addressed:
        assert address.port in ports[address.hostname or ""], address


def test_ports_are_open_to_this_machine_only(compose: dict[str, Any]) -> None:
    ports = [port for each in compose["services"].values() for port in each.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_server_is_not_started_for_others_without_keys(
    compose: dict[str, Any], root: Path
) -> None:
    keys = compose["services"]["worker1"]["environment"]["FRONTDESK_API_KEYS"]
    assert keys.startswith("${FRONTDESK_API_KEYS:?")
    host = re.search(r"FRONTDESK_HOST=(\S+)", (root / "Dockerfile").read_text(encoding="utf-8"))
    assert host
    with pytest.raises(KeysError):
        load_keys(Settings(host=host[1], api_keys=None, api_keys_file=None))


@pytest.mark.parametrize("tls", [False, True])
def test_the_health_check_asks_as_the_server_listens(
    dockerfile: str, tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, object]] = []
    monkeypatch.setattr(
        "urllib.request.urlopen", lambda url, timeout, context: asked.append((url, context))
    )
    monkeypatch.setenv("FRONTDESK_PORT", "8080")
    monkeypatch.delenv("FRONTDESK_TLS_CERT", raising=False)
    if tls:
        monkeypatch.setenv("FRONTDESK_TLS_CERT", "/run/secrets/cert.pem")
    exec(health_check(dockerfile), {})
    ((url, context),) = asked
    assert url == f"http{'s' if tls else ''}://127.0.0.1:8080/healthz"
    assert (context is not None) == tls


def health_check(dockerfile: str) -> str:
    """The program that the image asks for health with."""
    check = re.search(r'HEALTHCHECK .*?"-c", "(.*)"\]', dockerfile)
    assert check
    return check[1].replace('\\"', '"')


def test_volumes_are_declared_and_mounted_files_exist(compose: dict[str, Any], root: Path) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (root / source).is_file() if "/" in source else source in compose["volumes"]


def test_every_pipeline_of_the_collector_is_made_of_what_is_defined(
    collector: dict[str, Any],
) -> None:
    for pipeline in collector["service"]["pipelines"].values():
        for part in ("receivers", "processors", "exporters"):
            assert set(pipeline[part]) <= set(collector[part])
    assert {"debug", "otlphttp"} <= set(collector["exporters"])


@pytest.fixture(scope="module")
def dockerfile(root: Path) -> str:
    text = (root / "Dockerfile").read_text(encoding="utf-8")
    return re.sub(r"(?m)^#.*\n", "", text).replace("\\\n", " ")


def test_the_image_copies_what_exists_and_is_not_ignored(dockerfile: str, root: Path) -> None:
    kept = set(re.findall(r"(?m)^!(.+)$", (root / ".dockerignore").read_text(encoding="utf-8")))
    copied: set[str] = set()
    for line in re.findall(r"(?m)^COPY (?!--from)(.+)$", dockerfile):
        copied |= set(line.split()[:-1])
    assert copied == kept
    for source in copied:
        assert (root / source).exists(), source


def test_the_image_has_all_that_the_wheel_is_made_of(
    dockerfile: str, pyproject: dict[str, Any]
) -> None:
    wheel = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]
    for source in [*wheel["packages"], *wheel["force-include"], pyproject["project"]["readme"]]:
        assert re.search(rf"(?m)^COPY (.* )?{re.escape(source)} ", dockerfile), source


def test_the_image_builds_the_wheel_with_the_whole_build_system_of_the_lock(
    dockerfile: str, root: Path
) -> None:
    program = re.search(r"awk '(.*?)'", dockerfile)
    assert program
    kept = subprocess.run(
        ["awk", program[1], root / "requirements.lock"], capture_output=True, text=True, check=True
    ).stdout
    installed = {line.split("==")[0] for line in kept.splitlines() if "==" in line}
    assert installed == requirements_of("hatchling")


def requirements_of(package: str) -> set[str]:
    """A package and all it needs on Python 3.12."""
    needed = {package}
    for line in metadata.requires(package) or ():
        wanted = Requirement(line)
        if wanted.marker is None or wanted.marker.evaluate({"python_version": "3.12", "extra": ""}):
            needed |= requirements_of(wanted.name)
    return needed


def test_the_image_runs_as_a_user_with_few_rights_and_asks_healthz(dockerfile: str) -> None:
    last = dockerfile.rsplit("\nFROM ", 1)[1]
    user, command = last.index("\nUSER frontdesk\n"), last.index("\nCMD ")
    assert user < command
    assert "/healthz" in health_check(last)


def test_the_licence_is_the_one_that_is_declared(root: Path, pyproject: dict[str, Any]) -> None:
    text = (root / "LICENSE").read_text(encoding="utf-8")
    assert pyproject["project"]["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0, January 2004" in text
