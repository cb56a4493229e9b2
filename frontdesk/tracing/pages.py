"""The pages of the dashboard and the talk page: HTML made here, static files beside it."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse, Response

from frontdesk.roles import GIVEN, Role, noted
from frontdesk.tracing.agent_drawing import drawing
from frontdesk.tracing.agent_graph import MOST, agent_graph
from frontdesk.tracing.assets import Assets, dashboard_folder
from frontdesk.tracing.details import details
from frontdesk.tracing.fall_rows import fall_rows
from frontdesk.tracing.filters import CallFilters
from frontdesk.tracing.formats import (
    format_clock,
    format_day,
    format_iso,
    format_ms,
    format_size,
)
from frontdesk.tracing.money import format_money
from frontdesk.tracing.reading import read_span
from frontdesk.tracing.spoken import conversation
from frontdesk.tracing.waterfall import STAGES, stacked, waterfall, widest

Record = Mapping[str, Any]

PAGE_SIZE = 50


class Unreadable(Exception):
    """The traces cannot be read now. The message tells the reader why, and what would mend it."""


class PageData(Protocol):
    """What the pages show. Each method returns what the JSON API of the same name answers, may
    block (it runs in a thread), and raises ``Unreadable`` when the traces cannot be read."""

    def calls(self, filters: CallFilters, *, limit: int, before: float | None = None) -> Record:
        """``{"calls": [summary, …], "agents", "teams"}``, newest first; ``before`` is unix
        seconds; agents and teams are names to choose from."""
        ...

    def call(self, call_id: str) -> Record | None:
        """``{"call", "turns", "delegations", "audio", "transcript"}``, or None when there is no
        such call."""
        ...

    def trace(self, trace_id: str) -> Record | None:
        """``{"trace", "spans"}``, or None when there is no such trace."""
        ...


def router(pages: "Pages") -> APIRouter:
    """The routes ``/``, ``/talk``, ``/traces``, ``/traces/calls/{call_id}``, ``/approvals`` and
    ``/static/…``."""
    routes = APIRouter(include_in_schema=False)
    routes.add_api_route("/", pages.home, methods=["GET"])
    routes.add_api_route("/talk", pages.talk, methods=["GET"])
    routes.add_api_route("/approvals", pages.approvals, methods=["GET"])
    routes.add_api_route("/traces", pages.traces, methods=["GET"])
    routes.add_api_route("/traces/calls/{call_id}", pages.call, methods=["GET"])
    routes.add_api_route("/static/{version}/{path:path}", pages.static, methods=["GET"])
    return routes


class Pages:
    """The routes, bound to their data. All that read or render are plain functions, so that they
    run in threads: live calls share the event loop."""

    def __init__(
        self,
        load: PageData,
        *,
        signed_in: bool = False,
        troubled: Callable[[], bool] = lambda: False,
    ) -> None:
        """``signed_in``: who sees the pages has signed in, and may sign out. ``troubled``: whether
        something is wrong with the files of a team."""
        folder = dashboard_folder()
        self._load = load
        self._signed_in = signed_in
        self._troubled = troubled
        self._assets = Assets(folder / "static")
        self._templates = _environment(folder / "templates", self._assets)

    def home(self, request: Request) -> Response:
        """To the first page that the visitor's role may see."""
        talks = noted(request.scope) is Role.FULL
        return RedirectResponse("/talk" if talks else "/traces", status_code=307)

    def closed(self, request: HTTPConnection, message: str) -> Response:
        """What a person sees in the place of a page that their role may not see."""
        return self.page(request, "closed.html", 403, message=message)

    def talk(self, request: Request) -> Response:
        return self.page(request, "talk.html")

    def approvals(self, request: Request) -> Response:
        return self.page(request, "approvals.html")

    def traces(
        self,
        request: Request,
        filters: Annotated[CallFilters, Query()],
        before: float | None = None,
    ) -> Response:
        """The list of calls, those that still run on top of the first page."""
        try:
            found = self._load.calls(filters, limit=PAGE_SIZE, before=before)
        except Unreadable as reason:
            return self._trouble(request, 503, str(reason))
        calls: list[Record] = list(found["calls"])
        query = filters.query()
        older = None
        if len(calls) >= PAGE_SIZE:
            older = "?" + urlencode(query | {"before": repr(calls[-1]["started"])})
        if before is None:
            calls.sort(key=lambda call: not call["live"])
        return self.page(
            request,
            "calls.html",
            calls=calls,
            filters=query,
            filter_query="?" + urlencode(query) if query else "",
            export_query=urlencode(query | {"limit": "5000"}),
            agents=_with(found["agents"], filters.agent),
            teams=_with(found["teams"], filters.team),
            older=older,
            first_page=before is None,
        )

    def call(
        self,
        request: Request,
        call_id: str,
        trace: str | None = None,
        span: str | None = None,
        part: str | None = Query(default=None, pattern="^(turn|detail|agents)$"),
    ) -> Response:
        """One call. ``trace`` opens a turn, ``span`` a span of it; ``part`` asks for only that, or,
        in place of a turn, for the agents of the whole call."""
        trace = None if part == "agents" else trace
        drawn: list[tuple[str, Sequence[Record]]] = []
        try:
            found = self._load.call(call_id)
            if found is None:
                return self._trouble(request, 404, f"There is no call {call_id} in the traces.")
            opened = self._load.trace(trace) if trace and _has(found, trace) else None
            turn = opened["trace"] if opened else None
            turn = next((each for each in found["turns"] if each["trace_id"] == trace), turn)
            if part == "agents":
                drawn = [*self._spans_of(found["turns"][:MOST])]
        except Unreadable as reason:
            return self._trouble(request, 503, str(reason))
        if trace and opened is None:
            return self._trouble(request, 404, f"This call has no turn with trace {trace}.")
        spans: list[Record] = list(opened["spans"]) if opened else []
        chosen = next((each for each in spans if each["span_id"] == span), None)
        scores: list[Record] = list(opened["scores"]) if opened else []
        shown: dict[str, Any] = {**found, "scores": scores}
        falls = waterfall(spans)
        if trace and part != "detail":
            drawn = [(trace, spans)]
        graph = agent_graph(drawn)
        template = {"turn": "_turn.html", "detail": "_detail.html"}.get(part or "", "call.html")
        return self.page(
            request,
            template,
            **shown,
            conversation=conversation(found),
            widest=widest(found["turns"]),
            turn=turn,
            falls=falls,
            fall_rows=fall_rows(falls.rows),
            span=chosen,
            graph=graph,
            whole=MOST,  # a turn has one step at least, so that more would not be drawn
            picture=drawing(graph),
            reading=read_span(chosen) if chosen else None,
            info=details(chosen, spans) if chosen else None,
        )

    def _spans_of(self, turns: Iterable[Record]) -> Iterator[tuple[str, Sequence[Record]]]:
        for turn in turns:
            if opened := self._load.trace(turn["trace_id"]):  # else removed meanwhile
                yield turn["trace_id"], opened["spans"]

    async def static(self, request: Request, version: str, path: str) -> Response:
        """From memory, and so without a thread."""
        file = self._assets.find(path)
        if file is None:
            return Response("No such file.", status_code=404, media_type="text/plain")
        headers = {
            "Cache-Control": self._assets.cache_control(version),
            "X-Content-Type-Options": "nosniff",
            "Vary": "Accept-Encoding",
        }
        body = file.body
        if file.packed and "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = file.packed
        return Response(body, headers=headers, media_type=file.media_type)

    def _trouble(self, request: Request, status: int, message: str) -> Response:
        return self.page(request, "trouble.html", status, missing=status == 404, message=message)

    def page(
        self, request: HTTPConnection, name: str, status: int = 200, **values: Any
    ) -> Response:
        """A page by the name of its template, which may show ``values``; ``may(role)`` tells it
        whether who asks has that role, or one that may more."""
        role = noted(request.scope)
        template = self._templates.get_template(name)
        may: Callable[[str], bool] = lambda least: role >= GIVEN[least]  # noqa: E731
        common = {"signed_in": self._signed_in, "troubled": self._troubled(), "may": may}
        html = template.render(path=request.url.path, **(common | values))
        return HTMLResponse(html, status_code=status, headers=_headers(request))


def _with(names: list[str], chosen: str | None) -> list[str]:
    """The names to choose from, and the one that was chosen before."""
    return names if chosen is None or chosen in names else sorted([*names, chosen])


def _has(call: Record, trace: str) -> bool:
    """Whether a trace is one of the call's turns or of its background work."""
    traces = [*call["turns"], *call.get("delegations", ())]
    return any(each["trace_id"] == trace for each in traces)


def _environment(folder: Any, assets: Assets) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(static=assets.url, STAGES=STAGES, stacked=stacked)  # pyright: ignore
    environment.filters.update(ms=format_ms, clock=format_clock, iso=format_iso, day=format_day)
    environment.filters["money"] = format_money  # pyright: ignore[reportArgumentType]
    environment.filters["size"] = format_size
    return environment


def _headers(request: HTTPConnection) -> dict[str, str]:
    """Nothing inline, nothing foreign; the socket only to where the page came from.

    ``'self'`` alone does not cover ``ws:`` in every browser, so the host is named.
    """
    host = request.headers.get("host", "")
    sockets = f" ws://{host} wss://{host}" if re.fullmatch(r"[\w.\-\[\]:]+", host) else ""
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"media-src 'self' blob:; connect-src 'self'{sockets}; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
