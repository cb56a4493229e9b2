"""The teams of this worker: which versions there are, and which one new calls get."""

import logging
from typing import Any

from fastapi import APIRouter, Request

from frontdesk.api.body import read_json
from frontdesk.api.errors import ApiError
from frontdesk.call.teams import UnknownVersion, UnusableVersion
from frontdesk.call.worker import Worker

logger = logging.getLogger(__name__)


def router(worker: Worker) -> APIRouter:
    """``GET /api/teams`` and ``POST /api/teams/{name}/version``."""
    routes = APIRouter()

    @routes.get("/api/teams")
    async def teams() -> dict[str, Any]:
        """Each team with its ``versions`` (newest first; when first loaded, how many calls of this
        worker run on it), the ``current`` one for new calls, the ``chosen`` one if that is held by
        hand, and the ``trouble`` with its files if the newest of them are not in use."""
        return {"worker": worker.name, **worker.teams.describe()}

    @routes.post("/api/teams/{name}/version")
    async def chosen(name: str, request: Request) -> dict[str, Any]:
        """Point new calls at ``version``, on all workers, until another is chosen; null: at what
        the files say. Calls under way keep theirs."""
        await choose(worker, name, _version(await read_json(request)), request)
        return next(team for team in worker.teams.describe()["teams"] if team["name"] == name)

    return routes


async def choose(worker: Worker, name: str, version: str | None, request: Request) -> None:
    """Do so, and put it on record. Raises :class:`ApiError`."""
    if name not in worker.teams:
        raise ApiError(404, "team_not_found", f"There is no team {name!r}.")
    try:
        await worker.teams.choose(name, version)
    except UnknownVersion as error:
        raise ApiError(404, "version_not_found", str(error), "version") from error
    except UnusableVersion as error:
        raise ApiError(409, "version_unusable", str(error), "version") from error
    asker = request.client.host if request.client else "?"
    what = f"version {version}" if version else "what the files say"
    logger.warning("team %s: %s was chosen for new calls, from %s", name, what, asker)


def _version(body: dict[str, Any]) -> str | None:
    if unknown := [key for key in body if key != "version"]:
        raise ApiError(400, "unknown_parameter", f"Unknown parameter: '{unknown[0]}'.", unknown[0])
    if "version" not in body:
        message = "Missing required parameter: 'version': 12 hex digits, or null for the files'."
        raise ApiError(400, "missing_required_parameter", message, "version")
    version = body["version"]
    if version is not None and not isinstance(version, str):
        message = "Invalid type for 'version': expected 12 hex digits, or null for the files'."
        raise ApiError(400, "invalid_type", message, "version")
    return version
