"""Nothing that Frontdesk started outlives it, however it ends."""

import asyncio
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


async def until(condition):
    async with asyncio.timeout(40):  # a process takes seconds to begin, on a busy machine many
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def status(server, path, body=None):
    """Status, body and the header that says when to come again, of a GET or a POST."""
    request = urllib.request.Request(server.url + path, body)
    try:
        with urllib.request.urlopen(request, timeout=40) as answer:
            return answer.status, answer.read(), None
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers["retry-after"]


async def refused(server, dial, *args, **how):
    """A call is refused by HTTP, so that a proxy sends it to another worker."""
    with pytest.raises(InvalidStatus) as refusal:
        await dial(server, *args, **how)
    response = refusal.value.response
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert b"another one takes the call" in response.body


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=lambda end: end.name)
async def test_serve_takes_its_children_with_it(serve, dial, children, end):
    server = serve(desk=ROOT, environ={"FRONTDESK_DRAIN_SECONDS": "60"})
    line = await dial(server)
    commands = "\n".join(children(server).values())
    for part in ("valkey-server", "orders/server.py", "knowledge/server.py"):
        assert part in commands
    server.process.send_signal(end)
    if end == signal.SIGINT:
        await until(lambda: status(server, "/readyz")[0] == 503)
        assert status(server, "/healthz")[0] == 200
        assert status(server, "/api/calls")[0] == 200
        await until(lambda: b'"draining":true' in status(server, "/api/workers")[1])
        await refused(server, dial)
        await refused(server, dial, line.call_id, resume=True)
        for path in ("/v1/audio/speech", "/v1/audio/transcriptions", "/mcp"):
            assert status(server, path, b"{}")[::2] == (503, "1")
        assert (await line.ask("Are you still there?"))["status"] == "completed"
        server.process.send_signal(end)  # its client may not come back: this would take a minute
    code, reason = await line.until_closed()
    assert code == (1012 if end == signal.SIGINT else 1006)
    assert reason == ("this worker is restarted; connect again to go on" if code == 1012 else "")
    await until(lambda: not children(server))
    assert server.process.wait(40) == (130 if end == signal.SIGINT else -signal.SIGKILL)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM], ids=lambda end: end.name)
async def test_demo_takes_its_server_with_it(children, tmp_path, end):
    environ = {**os.environ, "FRONTDESK_DATA": str(tmp_path), "FRONTDESK_MODELS": "instant"}
    command = [sys.executable, "-m", "frontdesk", "demo"]
    with (tmp_path / "demo.log").open("wb") as log:
        demo = subprocess.Popen(  # noqa: ASYNC220
            command, cwd=ROOT, env=environ, stdout=log, stderr=log, start_new_session=True
        )
    demo.data = tmp_path
    try:
        await until(lambda: "valkey-server" in "\n".join(children(demo).values()))
        demo.send_signal(end)
        demo.wait(40)
    finally:
        demo.kill()
    await until(lambda: not children(demo))
    assert "Traceback" not in (tmp_path / "demo.log").read_text()
