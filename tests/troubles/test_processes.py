"""Nothing that Frontdesk started outlives it, however it ends."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


async def until(condition):
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=lambda end: end.name)
async def test_serve_takes_its_children_with_it(serve, dial, children, end):
    server = serve(desk=ROOT)
    line = await dial(server)
    commands = "\n".join(children(server).values())
    for part in ("valkey-server", "orders/server.py", "knowledge/server.py"):
        assert part in commands
    server.process.send_signal(end)
    code, _ = await line.until_closed()
    assert code == (1012 if end == signal.SIGINT else 1006)
    await until(lambda: not children(server))
    assert server.process.wait(10) == (130 if end == signal.SIGINT else -signal.SIGKILL)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM], ids=lambda end: end.name)
async def test_demo_takes_its_server_with_it(children, tmp_path, end):
    environ = {**os.environ, "FRONTDESK_DATA": str(tmp_path), "FRONTDESK_MODELS": "instant"}
    command = [sys.executable, "-m", "frontdesk", "demo"]
    with (tmp_path / "demo.log").open("wb") as log:
        demo = subprocess.Popen(  # noqa: ASYNC220
            command, cwd=ROOT, env=environ, stdout=log, stderr=log, start_new_session=True
        )
    demo.data = tmp_path
    await until(lambda: "valkey-server" in "\n".join(children(demo).values()))
    demo.send_signal(end)
    demo.wait(15)
    await until(lambda: not children(demo))
    assert "Traceback" not in (tmp_path / "demo.log").read_text()
