"""The knowledge base: an MCP server that finds the passage which answers a question.

    FRONTDESK_MCP_TOKEN=secret python mcp_servers/knowledge/server.py --port 8102

Callers need the token as a bearer token. The server needs nothing of Frontdesk: the file and its
neighbours can be copied to another machine that has the `mcp` package.
"""

import argparse
import hmac
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import uvicorn
from article_index import ArticleIndex
from mcp.server import MCPServer
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp_types import ToolAnnotations
from pydantic import AnyHttpUrl, BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

NAME = "knowledge"
ARTICLES = Path(__file__).parent / "articles"
READ_ONLY = ToolAnnotations(read_only_hint=True, open_world_hint=False)


class Finding(BaseModel):
    """What the knowledge base has on a question."""

    found: bool = Field(description="False when no article is about it.")
    article_id: str = Field(default="", description="For read_article.")
    title: str = Field(default="", description="The article's title.")
    question: str = Field(default="", description="The question that the passage answers.")
    passage: str = Field(default="", description="The answer, in sentences fit to be read aloud.")
    related: list[str] = Field(default=[], description="Other questions that come near.")


class Article(BaseModel):
    """A whole article."""

    found: bool
    article_id: str
    markdown: str = ""


class FixedToken(TokenVerifier):
    """Accepts one token, the one the server was started with."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def verify_token(self, token: str) -> AccessToken | None:
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            return None
        return AccessToken(token=token, client_id="frontdesk", scopes=[])


class Announced(uvicorn.Server):
    """A server that prints its address once it answers."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(f"{NAME}: {self._url}/mcp", flush=True)


def build(index: ArticleIndex, token: str, url: str) -> MCPServer:
    """The server with its tools; ``url`` is its own address."""
    server = MCPServer(
        NAME,
        title="Knowledge base",
        instructions="Answers about returns, warranty, care, delivery, payment and the shop.",
        token_verifier=FixedToken(token),
        auth=AuthSettings(issuer_url=AnyHttpUrl(url), resource_server_url=None),
        log_level="WARNING",
    )

    @server.custom_route("/healthz", methods=["GET"])
    async def healthz(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "server": NAME, "articles": len(index.articles)})

    @server.tool(annotations=READ_ONLY)
    async def search_articles(
        query: Annotated[
            str,
            Field(
                description="The caller's question, in their own words.",
                examples=["What is your return policy?"],
                min_length=1,
                max_length=500,
            ),
        ],
    ) -> Finding:
        """Answer questions on returns, warranty, care, bulbs, delivery costs, payment, the shop."""
        passages = index.search(query)
        if not passages:
            return Finding(found=False)
        best, *others = passages
        return Finding(
            found=True,
            article_id=best.article,
            title=best.title,
            question=best.question,
            passage=best.text,
            related=[passage.question for passage in others],
        )

    @server.tool(annotations=READ_ONLY)
    async def read_article(
        article_id: Annotated[
            str, Field(description="As search_articles gave it.", examples=["returns"])
        ],
    ) -> Article:
        """Read a whole article of the knowledge base, found with search_articles before."""
        markdown = index.read(article_id)
        return Article(found=markdown is not None, article_id=article_id, markdown=markdown or "")

    return server


def send_spans() -> None:
    """Send the spans of tool calls to OTEL_EXPORTER_OTLP_(TRACES_)ENDPOINT, so that they join
    their caller's trace. Without that, or without OpenTelemetry's SDK, there are none."""
    if not any(name.endswith("ENDPOINT") and "OTLP" in name for name in os.environ):
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        return
    # Not to be held up at the end by a caller who ended before us.
    provider = TracerProvider(
        resource=Resource.create({"service.name": NAME}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def end(number: int, frame: FrameType | None) -> NoReturn:
    """What a signal does: the exit code is 0, since it was asked for."""
    sys.exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description="Knowledge base of the example desk, over MCP.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8102, help="0: any free port (%(default)s)")
    options = parser.parse_args()
    token = os.environ.get("FRONTDESK_MCP_TOKEN")
    if not token:
        parser.error("set FRONTDESK_MCP_TOKEN: the token that callers must send")
    send_spans()
    # uvicorn ends its work on a signal and then raises it anew: end quietly, cleaning up.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    try:
        listener = socket.create_server((options.host, options.port))
    except OSError as error:
        parser.error(f"can't listen on {options.host}:{options.port}: {error.strerror}")
    url = f"http://{options.host}:{listener.getsockname()[1]}"
    server = build(ArticleIndex(ARTICLES), token, url)
    # Stateless: a client that outlives a restart of this server has no session to lose.
    app = server.streamable_http_app(host=options.host, stateless_http=True)
    Announced(uvicorn.Config(app, log_level="warning"), url).run(sockets=[listener])


if __name__ == "__main__":
    main()
