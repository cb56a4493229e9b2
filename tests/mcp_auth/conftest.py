"""Authority and shop, running."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.mcp_host import PATIENT
from tests.oauth import Authority, Shop


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    for path, seconds in PATIENT.items():
        monkeypatch.setattr(path, seconds)


@pytest.fixture
async def authority() -> AsyncIterator[Authority]:
    running = Authority()
    await running.start(running.app())
    yield running
    await running.stop()


@pytest.fixture
async def shop(authority: Authority) -> AsyncIterator[Shop]:
    """Closed to whoever has no token."""
    running = Shop(authority)
    await running.open()
    yield running
    running.together.set()
    await running.stop()


@pytest.fixture(params=["2026", "2025"])
async def closed_shop(authority: Authority, request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    """Closed, in each protocol era."""
    running = Shop(authority, legacy=request.param == "2025")
    await running.open()
    yield running
    running.together.set()
    await running.stop()


@pytest.fixture(params=["2026", "2025"])
async def open_shop(authority: Authority, request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    """Open to all, in each protocol era."""
    running = Shop(authority, legacy=request.param == "2025", closed=False)
    await running.open()
    yield running
    running.together.set()
    await running.stop()


@pytest.fixture
def callback_port(unused_tcp_port: int) -> int:
    return unused_tcp_port


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"
