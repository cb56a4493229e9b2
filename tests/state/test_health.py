"""``frontdesk doctor``: what it finds in stores that are well, and in stores that are not."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from frontdesk.cli import main
from frontdesk.encryption import new_key
from frontdesk.settings import Settings
from frontdesk.state import CallStore, connect
from frontdesk.state.connection import located, opened
from frontdesk.state.health import examine
from frontdesk.state.health_servers import Finding
from frontdesk.state.workers import WorkerRecord, Workers
from tests import stores
from tests.proxy import Proxy

ROOT = Path(__file__).parents[2]
Doctor = Callable[..., tuple[int, str]]


async def findings(**settings: Any) -> list[Finding]:
    given = Settings(**settings)
    async with located(given) as address, opened(address) as redis:
        return [finding async for finding in examine(given, address, redis)]


def about(found: list[Finding], what: str) -> list[Finding]:
    return [finding for finding in found if finding.about == what]


def only(found: list[Finding], what: str) -> Finding:
    [finding] = about(found, what)
    return finding


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[stores.Pair]:
    pair = stores.Pair(tmp_path / "pair")
    yield pair
    pair.stop()


async def test_a_store_that_is_well_has_nothing_bad_and_keeps_nothing_of_the_visit(
    store_url: str,
) -> None:
    async with connect(Settings(redis_url=store_url)) as redis:
        await redis.flushall()
    found = await findings(redis_url=store_url)
    assert not [finding for finding in found if finding.level == "bad"]
    assert len(about(found, "latency")) == 2
    assert only(found, "calls").says == "0 live, 0 known"
    async with connect(Settings(redis_url=store_url)) as redis:
        assert not [key async for key in redis.scan_iter("*")]


async def test_calls_and_workers_are_counted(valkey_server: stores.Server) -> None:
    url = f"redis://127.0.0.1:{valkey_server.port}"
    async with connect(Settings(redis_url=url)) as redis:
        store = CallStore(redis)
        await store.open("live", "w1", ttl=60)
        await store.release(await store.open("left", "w1"))
        record = WorkerRecord("w1", "http://a:1", "0.1", 1.0, calls=1, draining=True)
        await Workers(redis).show(record)
    found = await findings(redis_url=url)
    assert only(found, "calls").says.startswith("1 live, 2 known; ")
    assert "w1 at http://a:1, 0.1: 1 calls, drains" in only(found, "worker").says


async def test_what_endangers_calls_is_told_with_its_mend(valkey_server: stores.Server) -> None:
    server = valkey_server
    server.ask("SET", "ballast", "x" * 8_000_000)
    server.ask("CONFIG", "SET", "maxmemory", "9mb")
    server.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    found = await findings(redis_url=f"redis://127.0.0.1:{server.port}")
    assert only(found, "persistence").level == "warn"
    assert "appendonly yes" in only(found, "persistence").mend
    full, evicts = about(found, "memory")
    assert full.level in ("warn", "bad") and "maxmemory" in full.mend
    assert evicts.level == "bad" and "noeviction" in evicts.mend


async def test_a_replica_that_lags_and_a_primary_that_does_not_care_are_told(
    pair: stores.Pair,
) -> None:
    found = await findings(redis_url=pair.url)
    assert [finding.level for finding in about(found, "replicas")] == ["ok", "warn"]
    assert "min-replicas-to-write 1" in about(found, "replicas")[1].mend
    assert "Run three or more" in only(found, "sentinel").mend
    pair.primary.ask("CONFIG", "SET", "min-replicas-to-write", "1")
    assert len(about(await findings(redis_url=pair.url), "replicas")) == 1


async def test_a_node_that_is_down_is_named_beside_what_is_left(tmp_path: Path) -> None:
    cluster = stores.Cluster(tmp_path)
    try:
        cluster.nodes[1].kill()
        found = await findings(redis_url=cluster.url)
    finally:
        cluster.stop()
    down = next(finding for finding in found if finding.level == "bad")
    assert f":{cluster.nodes[1].port} does not answer" in down.says
    assert about(found, "memory") and about(found, "cluster")


async def test_a_slow_store_is_told(valkey_server: stores.Server, monkeypatch: Any) -> None:
    monkeypatch.setattr("frontdesk.state.health.PINGS", 3)
    monkeypatch.setattr("frontdesk.state.health.APPENDS", 3)
    async with Proxy(valkey_server.port) as proxy:
        proxy.delay = 0.06
        found = await findings(redis_url=f"redis://127.0.0.1:{proxy.port}")
    assert [finding.level for finding in about(found, "latency")] == ["bad", "bad"]


async def test_a_call_whose_key_is_gone_is_told(valkey_server: stores.Server) -> None:
    from frontdesk.encryption import Cipher
    from frontdesk.state.codec import Codec

    url = f"redis://127.0.0.1:{valkey_server.port}"
    async with connect(Settings(redis_url=url)) as redis:
        store = CallStore(redis, Codec(Cipher([new_key()])))
        lease = await store.open("sealed", "w1")
        await store.append(lease, [{"kind": "summary", "at": 1.0, "text": "x" * 100}])
    found = await findings(redis_url=url, encryption_keys=new_key())
    assert "none of the keys in FRONTDESK_ENCRYPTION_KEYS" in about(found, "calls")[-1].says
    assert only(found, "encryption").says == "content is encrypted"


@pytest.fixture
def doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Doctor:
    """The command: its exit code, and what it prints."""
    monkeypatch.setenv("FRONTDESK_DATA", str(tmp_path / "data"))

    def run(*words: str, **environ: str) -> tuple[int, str]:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["frontdesk", "doctor", str(ROOT), *words])
        with pytest.raises(SystemExit) as exit:
            main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return int(exit.value.code or 0), printed.out + printed.err

    return run


def test_without_a_server_the_embedded_valkey_is_looked_at_and_left_alone(
    doctor: Doctor, tmp_path: Path
) -> None:
    code, printed = doctor("--json")
    told = json.loads(printed)
    assert (code, told["healthy"]) == (0, True)
    names = [finding["about"] for finding in told["findings"]]
    assert names[:5] == ["desk", "keys", "data", "store", "server"]
    assert not (tmp_path / "data" / "valkey" / "valkey.sock").exists()


def test_what_is_bad_makes_the_exit_code_and_names_no_password(
    doctor: Doctor, unused_tcp_port: int
) -> None:
    url = f"redis://me:s3cret@127.0.0.1:{unused_tcp_port}"
    code, printed = doctor(FRONTDESK_REDIS_URL=url)
    assert code == 1
    assert "bad  store" in printed
    assert "FRONTDESK_REDIS_URL" in printed
    assert "s3cret" not in printed


def test_an_embedded_valkey_that_is_ill_is_quoted(doctor: Doctor, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "valkey" / "appendonlydir"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof.manifest").write_text("nonsense\n")
    code, printed = doctor()
    assert code == 1
    assert "bad  store" in printed
    assert "valkey.log" in printed
    assert "manifest" in printed
