"""``GET /metrics``: what Prometheus scrapes."""

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import choose_encoder

from frontdesk.tracing.calls import Tracing


def router(tracing: Tracing) -> APIRouter:
    """The metrics of this process, in Prometheus' text format or as OpenMetrics, as asked for."""
    routes = APIRouter(tags=["traces"])

    @routes.get("/metrics")
    def metrics(request: Request) -> Response:
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(tracing.metrics.registry), media_type=media_type)

    return routes
