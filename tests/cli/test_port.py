import socket
from typing import Any

from typer.testing import CliRunner

from frontdesk.cli import app, serve


def test_port_zero_takes_a_free_port_even_when_another_is_configured(monkeypatch: Any) -> None:
    asked: list[int] = []

    async def noted(
        settings: Any, listener: socket.socket, tls: None, with_mcp_servers: bool
    ) -> None:
        asked.append(settings.port)
        listener.close()

    monkeypatch.setattr(serve, "_serve", noted)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        monkeypatch.setenv("FRONTDESK_PORT", str(busy.getsockname()[1]))
        result = CliRunner().invoke(app, ["serve", "--port", "0"])
    assert (result.exit_code, asked) == (0, [0])
