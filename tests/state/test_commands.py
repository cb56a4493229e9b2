"""Only commands of the oldest Redis that we promise to run on, and none that looks at all keys."""

import re
from pathlib import Path

import pytest
from redis import Redis

import frontdesk
from tests import stores
from tests.commands import Watch

HOUSE = Path(frontdesk.__file__).parent


@pytest.mark.skipif(stores.REDIS is None, reason="redis-server is not installed")
def test_a_command_or_an_option_that_is_too_new_would_be_noticed(tmp_path: Path) -> None:
    server = stores.Server(tmp_path, binary=stores.REDIS)
    try:
        watch = Watch(server)
        redis = Redis(port=server.port)
        redis.set("key", "value", ex=60)
        assert redis.getex("key") == b"value"
        redis.eval("return redis.call('EXPIRE', KEYS[1], 10, 'NX')", 1, "key")
        redis.expiretime("key")
        redis.config_set("maxmemory", 0)
        redis.close()
        assert watch.newer_than((6, 0)) == {"GETEX", "EXPIRE NX", "EXPIRETIME"}
    finally:
        server.kill()


def test_no_command_of_ours_looks_at_all_keys() -> None:
    looks = re.compile(
        r"scan_iter|\.[hsz]?scan\(|\.keys\(\s*[\"'f]|['\"](?:SCAN|KEYS|RANDOMKEY)['\"]"
    )
    files = [*HOUSE.rglob("*.py"), *HOUSE.rglob("*.lua")]
    assert len(files) > 100
    assert not [file for file in files if looks.search(file.read_text(encoding="utf-8"))]
