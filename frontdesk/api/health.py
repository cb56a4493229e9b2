"""Whether this worker is up, and whether it takes calls: open to everybody, also with keys."""

from fastapi import APIRouter, Response

from frontdesk import __version__
from frontdesk.call.worker import Worker

OPEN = ("/healthz", "/readyz")


def router(worker: Worker) -> APIRouter:
    """``/healthz``: restart it when this fails. ``/readyz``: send it calls while this is 200."""
    routes = APIRouter()

    @routes.get("/healthz")
    async def healthz(response: Response) -> dict[str, object]:
        """Up, and what it runs on."""
        response.status_code = 200 if worker.ready else 503
        return {
            "status": "ok" if worker.ready else "starting",
            "version": __version__,
            "calls": len(worker.calls),
            "in_use": worker.describe() if worker.ready else {},
        }

    @routes.get("/readyz")
    async def readyz(response: Response) -> dict[str, object]:
        """Takes calls: not before it is up, and not once it is told to stop. (A store that is away
        does not count: it is away for all workers, whose calls go on meanwhile.)"""
        status = "draining" if worker.drain.begun else "ready" if worker.ready else "starting"
        response.status_code = 200 if status == "ready" else 503
        return {"status": status, "worker": worker.name, "calls": len(worker.calls)}

    return routes
