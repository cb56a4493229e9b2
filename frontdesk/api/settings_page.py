"""What is in force for traces: captured, kept, sent on. ``/settings`` for people, ``/api/settings``
for programs; it is changed in files and in the environment."""

import os
import platform
import sqlite3
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from frontdesk import __version__
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.worker import Worker
from frontdesk.desk.capture import PersonalData, Redact
from frontdesk.tracing import otlp
from frontdesk.tracing.calls import Tracing
from frontdesk.tracing.pages import Pages
from frontdesk.tracing.retention import DAY, Retention
from frontdesk.tracing.stores import StoreError, Used

PACKAGES = ("openai-agents", "mcp", "opentelemetry-sdk")


def router(worker: Worker, pages: Pages) -> APIRouter:
    """``GET /settings`` and ``GET /api/settings``. Both read the disk, so they run in threads."""
    routes = APIRouter()

    @routes.get("/settings", include_in_schema=False)
    def page(request: Request) -> Response:
        try:
            found = report(worker)
        except StoreError as error:
            return pages.page(request, "trouble.html", 503, missing=False, message=str(error))
        return pages.page(request, "settings.html", **found)

    @routes.get("/api/settings", tags=["traces"])
    def settings() -> dict[str, Any]:
        """What traces keep, for how long, how much that is, and where it goes."""
        try:
            return report(worker)
        except StoreError as error:
            raise HTTPException(503, str(error)) from error

    return routes


def report(worker: Worker) -> dict[str, Any]:
    """All of it, as the API has it. Sizes are bytes, times unix seconds. Raises
    :class:`StoreError`."""
    tracing = worker.tracing
    used = tracing.store.used()
    most = tracing.captures.most
    return {
        "capture": {
            "words": most.words,
            "sound": most.sound,
            "teams": [_team(team) for team in worker.teams.values()],
            "redaction_failed": tracing.captures.failed,
        },
        "storage": {
            "where": tracing.store.where,
            "sealed": bool(worker.cipher),
            "database": used.bytes,
            "sound": tracing.retention.sound(),
            "calls": used.calls,
            "turns": used.turns,
            "spans": used.spans,
            "oldest": used.oldest,
        },
        "retention": _retention(tracing.retention, used),
        "otlp": _otlp(tracing),
        "openai_traces": worker.settings.openai_traces,
        "lost": tracing.lost,
        "versions": {
            "frontdesk": __version__,
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            **{package: version(package) for package in PACKAGES},
        },
    }


def _team(team: LiveTeam) -> dict[str, Any]:
    known = team.loaded.team
    return {
        "name": known.name,
        "version": team.version,
        "file": os.path.relpath(team.loaded.path, team.loaded.root),
        "capture": known.captured,
        "redact": [_redacted(one) for one in known.redact],
        "words": team.capture.words,
        "sound": team.capture.sound,
    }


def _redacted(one: Redact) -> str:
    if isinstance(one, PersonalData):
        return f"{', '.join(one.pii)} ({', '.join(one.countries)})"
    return one


def _retention(retention: Retention, used: Used) -> dict[str, Any]:
    days, removed = retention.days, retention.removed
    falls_out = used.oldest + days * DAY if used.oldest is not None and days else None
    return {
        "days": days or None,
        "bytes": int(retention.gigabytes * 2**30) or None,
        "oldest_goes": falls_out,
        "removed": {"calls": removed.calls, "turns": removed.turns, "sound": removed.pieces},
    }


def _otlp(tracing: Tracing) -> dict[str, Any]:
    out = tracing.out
    return {
        "host": otlp.host() if out else None,
        "content": bool(out and out.content),
        "sent": out.sent if out else 0,
        "failed": out.failed if out else 0,
        "down": bool(out and out.down),
    }
