"""The store of calls dies, hangs, fills up or is not there."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.ports import hold_port

REDIS = shutil.which("redis-server")
needs_redis = pytest.mark.skipif(REDIS is None, reason="no redis-server on this machine")


class Redis:
    """A Redis of the operator's own, with a password."""

    def __init__(self, folder):
        port = hold_port(self)
        self.url = f"redis://:s3cret@127.0.0.1:{port}/0"
        self._command = [REDIS, "--port", str(port), "--bind", "127.0.0.1"]
        self._command += ["--requirepass", "s3cret", "--save", "", "--appendonly", "yes"]
        self._command += ["--dir", str(folder)]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def redis(tmp_path):
    redis = Redis(tmp_path)
    yield redis
    redis.kill()


@pytest.fixture
def stored(get):
    """The items of a call once the store has ``count`` of them."""

    async def stored(server, call_id, count):
        async with asyncio.timeout(40):
            while True:
                with contextlib.suppress(OSError):  # 503: the store is not back yet
                    path = f"/api/calls/{call_id}/conversation"
                    items = (await asyncio.to_thread(get, server, path))["items"]
                    if len(items) >= count:
                        return items
                await asyncio.sleep(0.05)

    return stored


def valkey_of(children):
    return next((pid for pid, c in children.items() if "valkey-server" in c.split()[0]), None)


def test_a_redis_that_is_not_there_is_named_without_its_password(frontdesk, desk):
    url = "redis://user:s3cret@127.0.0.1:1/0"
    code, printed = frontdesk(
        "serve", desk, "--port", 0, "--models", "instant", FRONTDESK_REDIS_URL=url
    )
    assert code == 1
    assert "redis://127.0.0.1:1/0" in printed
    assert "FRONTDESK_REDIS_URL" in printed
    assert "s3cret" not in printed


async def test_a_valkey_killed_in_a_call_comes_back_and_nothing_is_lost(
    serve, dial, stored, children, kill
):
    server = serve()
    line = await dial(server)
    await line.ask("Before.")
    first = valkey_of(children(server))
    kill(first)
    assert (await line.ask("While it is gone."))["status"] == "completed"
    async with asyncio.timeout(40):
        while valkey_of(children(server)) in (first, None):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert (await line.ask("After."))["status"] == "completed"
    items = [kept["item"] for kept in await stored(server, line.call_id, 6)]
    asked = [item["content"][0]["text"] for item in items if item["role"] == "user"]
    assert asked == ["Before.", "While it is gone.", "After."]
    server.kill()
    server.start()
    assert [kept["item"] for kept in await stored(server, line.call_id, 6)] == items
    again = await dial(server, line.call_id)
    assert (await again.ask("Still there?"))["status"] == "completed"


@needs_redis
async def test_without_its_redis_a_call_goes_on_and_a_new_one_is_refused_in_words(
    redis, serve, dial, stored
):
    server = serve(environ={"FRONTDESK_REDIS_URL": redis.url})
    line = await dial(server)
    await line.ask("Before.")
    redis.kill()
    assert (await line.ask("While it is gone."))["status"] == "completed"
    refused = await dial(server)
    error = refused.events[0]["error"]
    assert error["code"] == "state_unavailable"
    assert "s3cret" not in error["message"]
    assert (await refused.until_closed())[0] == 1013
    redis.start()
    assert (await line.ask("After."))["status"] == "completed"
    assert len(await stored(server, line.call_id, 6)) == 6


@needs_redis
async def test_a_redis_that_hangs_does_not_hang_the_call(redis, serve, dial, stored):
    server = serve(environ={"FRONTDESK_REDIS_URL": redis.url})
    line = await dial(server)
    await line.ask("Before.")
    redis.process.send_signal(signal.SIGSTOP)
    for _ in range(3):
        assert (await line.ask("While it hangs."))["status"] == "completed"
    redis.process.send_signal(signal.SIGCONT)
    assert (await line.ask("After."))["status"] == "completed"
    assert len(await stored(server, line.call_id, 10)) == 10


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 8 MB of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path) -> Path:
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(64 * 1024))
        except OSError:
            return filler


def test_a_disk_that_is_full_at_start_is_told(small_disk, frontdesk, desk):
    fill(small_disk)
    data = str(small_disk)
    code, printed = frontdesk(
        "serve", desk, "--port", 0, "--models", "instant", FRONTDESK_DATA=data
    )
    assert code == 1
    assert "No space left on device" in printed
    assert "FRONTDESK_DATA" in printed


async def test_a_disk_that_fills_up_in_a_call_does_not_end_it(
    small_disk, serve, dial, sounds, stored
):
    server = serve(small_disk / "data")
    line = await dial(server)
    await line.ask("Before.")
    filler = fill(small_disk)
    _, response = await line.spoken(sounds.speech)
    assert response["status"] == "completed"
    assert (await line.ask("While it is full."))["status"] == "completed"
    filler.unlink()
    assert (await line.ask("After."))["status"] == "completed"
    assert len(await stored(server, line.call_id, 8)) == 8
    server.stop()  # before its disk goes
