"""``GET /api/workers``: who serves on this store."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from frontdesk.call.worker import Worker


def router(worker: Worker) -> APIRouter:
    """The register of workers."""
    routes = APIRouter()

    @routes.get("/api/workers")
    async def workers() -> dict[str, Any]:
        """All workers on the store of this one (``worker``), by name: where each listens, since
        when it runs (unix seconds), its version, its calls, whether it is draining, and how many
        seconds ago it was ``seen``. One that was not seen for 15 s is left out."""
        return {
            "worker": worker.name,
            "workers": [asdict(record) for record in await worker.workers.all()],
        }

    return routes
