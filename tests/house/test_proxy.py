"""Two workers behind a proxy: what compose.yaml, the proxy's file and the code say of them."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from frontdesk.api.health import OPEN
from frontdesk.cli.serving import ENDING
from frontdesk.settings import Settings

CONFIG = "deploy/haproxy.cfg"
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@pytest.fixture(scope="module")
def proxy(root: Path) -> dict[str, list[str]]:
    """The lines of each section of the proxy's file, comments left out."""
    sections: dict[str, list[str]] = {}
    for line in (root / CONFIG).read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or line.lstrip().startswith("#") or not line.strip():
            continue
        if not line.startswith(" "):
            sections[line.strip()] = []
        else:
            list(sections.values())[-1].append(" ".join(line.split()))
    return sections


def timeout(lines: list[str], name: str) -> float:
    """In seconds."""
    found = next(line.split()[2] for line in lines if line.startswith(f"timeout {name} "))
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", found).groups()  # type: ignore[union-attr]
    return float(number) * SECONDS[unit]


def seconds(given: Any) -> float:
    return float(str(given).removesuffix("s"))


def test_both_workers_are_the_same(compose: dict[str, Any]) -> None:
    assert compose["services"]["worker1"] == compose["services"]["worker2"]


def test_only_the_proxy_is_open_and_it_mounts_the_file_where_the_image_reads_it(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    assert [name for name in services if "ports" in services[name]] == ["proxy"]
    (volume,) = services["proxy"]["volumes"]
    assert volume == f"./{CONFIG}:/usr/local/etc/haproxy/haproxy.cfg:ro"


def test_the_proxy_listens_where_its_port_is_open(
    compose: dict[str, Any], proxy: dict[str, list[str]]
) -> None:
    port = compose["services"]["proxy"]["ports"][0].rsplit(":", 1)[1]
    assert f"bind :{port}" in proxy["frontend callers"]


def test_the_proxy_sends_calls_to_every_worker_where_the_image_listens(
    compose: dict[str, Any], proxy: dict[str, list[str]], root: Path
) -> None:
    port = re.search(r"FRONTDESK_PORT=(\d+)", (root / "Dockerfile").read_text(encoding="utf-8"))
    assert port
    servers = [line.split()[1:] for line in proxy["backend workers"] if line.startswith("server ")]
    workers = [name for name in compose["services"] if name.startswith("worker")]
    assert servers == [[name, f"{name}:{port[1]}"] for name in workers]
    assert all("FRONTDESK_PORT" not in compose["services"][w]["environment"] for w in workers)


def test_the_proxy_asks_who_is_ready_and_leaves_calls_where_they_are(
    proxy: dict[str, list[str]],
) -> None:
    backend = proxy["backend workers"]
    asked = next(line.split() for line in backend if line.startswith("option httpchk "))
    assert asked[2:] == ["GET", "/readyz"] and "/readyz" in OPEN
    assert "http-check expect status 200" in backend
    assert not any("on-marked-down" in line or "on-error" in line for line in backend)
    (default,) = (line for line in backend if line.startswith("default-server "))
    assert " check " in default


def test_a_silent_call_is_not_cut_by_the_proxy(proxy: dict[str, list[str]]) -> None:
    longest = Settings.model_fields["max_call_seconds"].default
    assert timeout(proxy["defaults"], "tunnel") > longest


def test_a_worker_has_the_time_that_it_takes_to_drain(compose: dict[str, Any]) -> None:
    worker = compose["services"]["worker1"]
    drain = seconds(worker["environment"]["FRONTDESK_DRAIN_SECONDS"])
    assert ENDING < drain < seconds(worker["stop_grace_period"])
    Settings.model_validate({"drain_seconds": drain})


def test_what_a_draining_worker_refuses_is_tried_at_the_other(
    proxy: dict[str, list[str]],
) -> None:
    assert "retry-on conn-failure 503" in proxy["defaults"]
    assert "option redispatch 1" in proxy["defaults"]


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="needs haproxy")
def test_haproxy_takes_the_file(root: Path) -> None:
    checked = subprocess.run(
        ["haproxy", "-c", "-f", CONFIG], cwd=root, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
