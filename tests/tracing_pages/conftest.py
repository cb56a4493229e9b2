"""The pages over the sample call, on an in-process client."""

import runpy
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from frontdesk.tracing import compare_page
from frontdesk.tracing.pages import Pages, router


@pytest.fixture(scope="session")
def sample() -> SimpleNamespace:
    """The names of sample.py."""
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("sample.py"))))


@pytest.fixture
def data(sample: SimpleNamespace) -> Any:
    return sample.SampleData()


@pytest.fixture
async def client(data: Any) -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    pages = Pages(data)
    app.include_router(router(pages))
    app.include_router(compare_page.router(data, pages))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        yield client
