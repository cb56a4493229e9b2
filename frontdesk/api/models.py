"""``GET /v1/models``: the teams, as what they are to a client."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter

from frontdesk.api.errors import ApiError
from frontdesk.call.worker import Worker


def router(worker: Worker) -> APIRouter:
    """The list, and one by its id. ``created`` is when the team file was written."""
    routes = APIRouter()

    def described(name: str) -> dict[str, Any]:
        return {
            "id": name,
            "object": "model",
            "created": _written(worker.teams[name].loaded.path),
            "owned_by": "frontdesk",
        }

    @routes.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [described(name) for name in worker.teams]}

    @routes.get("/v1/models/{model:path}")
    async def model(model: str) -> dict[str, Any]:
        if model not in worker.teams:
            message = f"The model '{model}' does not exist: the teams of this desk are the models."
            raise ApiError(404, "model_not_found", message, "model")
        return described(model)

    return routes


def _written(file: Path) -> int:
    """Unix seconds; 0 when the file is gone, while the team still serves."""
    try:
        return int(file.stat().st_mtime)
    except OSError:
        return 0
