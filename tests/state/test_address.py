"""Where the store is, as a URL says it."""

from pathlib import Path

import pytest

from frontdesk.settings import Settings
from frontdesk.state import CallStore, StateError, connect
from frontdesk.state.address import Address, read_address
from frontdesk.state.connection import located, opened
from frontdesk.state.fitness import RIGHTS
from frontdesk.state.health import examine
from tests import stores
from tests.certificates import make_certificate

needs_redis = pytest.mark.skipif(stores.REDIS is None, reason="redis-server is not installed")


def read(url: str, **settings: Path) -> Address:
    return read_address(Settings(redis_url=url, **settings))


async def refusal(url: str, **settings: Path) -> str:
    with pytest.raises(StateError) as error:
        async with connect(Settings(redis_url=url, **settings)):
            pass
    return str(error.value)


@pytest.mark.parametrize(
    ("url", "kind", "hosts", "service", "options"),
    [
        ("redis://", "server", [("localhost", 6379)], "", {}),
        ("redis://a", "server", [("a", 6379)], "", {}),
        ("rediss://[::1]:7000/3", "server", [("::1", 7000)], "", {"db": 3}),
        (
            "redis://me:p%40ss%2Fword@a:1",
            "server",
            [("a", 1)],
            "",
            {"username": "me", "password": "p@ss/word"},
        ),
        ("redis://:pw@a?db=2", "server", [("a", 6379)], "", {"db": 2, "password": "pw"}),
        ("unix:///run/my%20redis.sock", "socket", [], "", {"path": "/run/my redis.sock"}),
        (
            "redis+sentinel://me:pw@a,b:5000,[::2]/mymaster/4",
            "sentinel",
            [("a", 26379), ("b", 5000), ("::2", 26379)],
            "mymaster",
            {"username": "me", "password": "pw", "db": 4},
        ),
        ("redis+cluster://a:7000,b", "cluster", [("a", 7000), ("b", 6379)], "", {}),
        ("redis+cluster://a/0", "cluster", [("a", 6379)], "", {"db": 0}),
    ],
)
def test_a_url_is_read(
    url: str, kind: str, hosts: list[tuple[str, int]], service: str, options: dict[str, object]
) -> None:
    address = read(url)
    assert (address.kind, list(address.hosts), address.service) == (kind, hosts, service)
    assert address.options == options
    assert address.tls is url.startswith("rediss")


def test_sentinels_have_a_user_and_a_password_of_their_own() -> None:
    address = read("redis+sentinel://:pw@a/m?sentinel_username=watch&sentinel_password=w%26")
    assert address.options == {"password": "pw"}
    assert address.sentinel == {"username": "watch", "password": "w&"}


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("redis://:s3cret@a,b", "several are a Redis Cluster"),
        ("redis+sentinel://:s3cret@a,b", "names no service (redis+sentinel://a:26379,b:26379)"),
        ("redis+cluster://:s3cret@a,,b", "bad port or host"),
        ("redis+cluster://:s3cret@a/5", "has no database but 0"),
        ("redis://:s3cret@a/calls", "no number of a database"),
        ("redis+sentinel://:s3cret@a/m/one", "no number of a database"),
        ("redis://:s3cret@a?sockettimeout=3", "'sockettimeout' is no option of redis://"),
        ("redis://:s3cret@a?ssl_ca_certs=x", "'ssl_ca_certs' is no option of redis://"),
        ("redis://:s3cret@a?socket_timeout=soon", "bad port or host"),
        ("rediss://:s3cret@a?ssl_ca_certs=/nowhere.pem", "/nowhere.pem cannot be read: No such"),
        ("redis+sentinel:s3cret@a/m", "begins with none of redis://"),
    ],
)
async def test_what_is_wrong_with_a_url_is_said_without_its_password(
    url: str, complaint: str
) -> None:
    message = await refusal(url)
    assert complaint in message
    assert "FRONTDESK_REDIS_URL" in message
    assert "s3cret" not in message


def test_a_password_is_in_no_representation_of_an_address() -> None:
    address = read("redis+sentinel://me:s3cret@a/m?sentinel_password=s3cret")
    assert "s3cret" not in f"{address!r} {address} {address.what}"


@needs_redis
async def test_tls_with_ones_own_authority_and_a_certificate_of_ones_own(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    made = make_certificate(tmp_path)
    port = str(unused_tcp_port)
    options = ["--tls-port", port, "--tls-ca-cert-file", str(made.cert)]
    options += ["--tls-cert-file", str(made.cert), "--tls-key-file", str(made.key)]
    server = stores.Server(tmp_path / "redis", *options, binary=stores.REDIS)
    url = f"rediss://localhost:{port}"
    query = f"ssl_ca_certs={made.cert}&ssl_certfile={made.cert}&ssl_keyfile={made.key}"
    try:
        assert "not trusted" in await refusal(url)
        assert "cannot be used" in await refusal(url, redis_ca=made.cert)  # it asks for ours, too
        assert "FRONTDESK_REDIS_CERT" in await refusal(url, redis_key=made.key)
        ours = {"redis_ca": made.cert, "redis_cert": made.cert, "redis_key": made.key}
        for settings in (
            Settings(redis_url=url, **ours),
            Settings(redis_url=f"{url}?{query}"),
        ):
            async with connect(settings) as redis:
                assert await redis.ping()
    finally:
        server.kill()


async def test_the_right_form_is_told_to_who_took_the_wrong_one(
    cluster_url: str, sentinel_url: str, valkey_server: stores.Server
) -> None:
    hosts = cluster_url.removeprefix("redis+cluster://").split(",")
    assert "set FRONTDESK_REDIS_URL to redis+cluster://" in await refusal(f"redis://{hosts[0]}")
    sentinels, service = sentinel_url.removeprefix("redis+sentinel://").split("/")
    assert "set FRONTDESK_REDIS_URL to redis+sentinel://" in await refusal(f"redis://{sentinels}")
    port = valkey_server.port
    assert "is no cluster" in await refusal(f"redis+cluster://127.0.0.1:{port}")
    other = f"redis+sentinel://{sentinels}/not-{service}"
    assert f"knows a primary called 'not-{service}'" in await refusal(other)


async def test_a_user_that_may_not_do_it_is_told_what_to_allow(
    valkey_server: stores.Server,
) -> None:
    valkey_server.ask("ACL", "SETUSER", "guest", "on", ">s3cret", "~frontdesk:*", "+get", "+info")
    message = await refusal(f"redis://guest:s3cret@127.0.0.1:{valkey_server.port}")
    assert "does not let its user do that" in message
    assert RIGHTS in message
    assert "s3cret" not in message
    valkey_server.ask("ACL", "SETUSER", "guest", "reset", "on", ">s3cret", *RIGHTS.split())
    settings = Settings(redis_url=f"redis://guest:s3cret@127.0.0.1:{valkey_server.port}")
    async with connect(settings) as redis:  # as told
        store = CallStore(redis)
        await store.append(await store.open("c1", "w1"), [{"kind": "summary", "at": 1, "text": ""}])
        await store.open("c1", "w2", force=True)
        assert len(await store.list_calls()) == 1
    async with located(settings) as address, opened(address) as redis:
        told = [finding async for finding in examine(settings, address, redis)]
    assert not [finding for finding in told if "cannot be told" in finding.says]
