"""The shop's orders: an MCP server that finds orders and takes returns.

    FRONTDESK_MCP_TOKEN=secret python mcp_servers/orders/server.py --port 8101

Callers need the token as a bearer token. Orders are kept in FRONTDESK_DATA/orders.sqlite3, or in a
temporary folder when that is not set. The server needs nothing of Frontdesk: the file and its
neighbours can be copied to another machine that has the `mcp` package.
"""

import argparse
import hmac
import os
import signal
import socket
import sqlite3
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal, NoReturn

import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp_types import ToolAnnotations
from order_book import RETURN_DAYS, OrderBook, StoredOrder, today
from pydantic import AnyHttpUrl, BaseModel, Field
from spoken import spoken_amount, spoken_day, spoken_list, spoken_quantity
from starlette.requests import Request
from starlette.responses import JSONResponse

NAME = "orders"
READ_ONLY = ToolAnnotations(read_only_hint=True, open_world_hint=False)
WRITES = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)

OrderNumber = Annotated[
    str,
    Field(
        pattern=r"^\d{5}$",
        description="The order number: five digits.",
        examples=["48271", "50812"],
    ),
]
Email = Annotated[
    str,
    Field(
        pattern=r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$",
        description="The e-mail address the customer ordered with.",
        examples=["anna.berg@example.com"],
    ),
]
Reason = Literal["changed my mind", "damaged", "wrong item", "does not work", "not given"]


class Order(BaseModel):
    """An order, with dates and amounts as they are said aloud."""

    found: bool = Field(description="False when there is no such order.")
    order_number: str
    status: str = Field(
        default="",
        description="being packed, on its way, out for delivery, delivered or cancelled",
    )
    contents: str = Field(default="", examples=["a Juniper desk lamp"])
    total: str = Field(default="", examples=["89 euros"])
    carrier: str = ""
    placed: str = Field(default="", description="The day it was placed, in words.")
    arrives: str = Field(default="", description="The day it arrives or arrived, in words.")
    placed_on: str = Field(default="", description="YYYY-MM-DD")
    arrives_on: str = Field(default="", description="YYYY-MM-DD")


class Orders(BaseModel):
    """A customer's orders, newest first."""

    found: bool
    count: int
    orders: list[Order]


class Return(BaseModel):
    """A return, or why there is none."""

    found: bool = Field(description="False when there is no such order.")
    order_number: str
    accepted: bool = Field(default=False, description="Whether there is a return now.")
    refused_because: str = Field(default="", description="A clause: 'it is not delivered yet'.")
    return_number: str = ""
    contents: str = ""
    state: str = Field(default="", description="waiting for the parcel, being checked or refunded")
    refund: str = Field(default="", examples=["89 euros"])


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


def build(book: OrderBook, token: str, url: str) -> MCPServer:
    """The server with its tools; ``url`` is its own address."""
    server = MCPServer(
        NAME,
        title="Orders",
        instructions="Finds orders by number or e-mail address, starts returns, follows refunds.",
        token_verifier=FixedToken(token),
        auth=AuthSettings(issuer_url=AnyHttpUrl(url), resource_server_url=None),
        log_level="WARNING",
    )

    @server.custom_route("/healthz", methods=["GET"])
    async def healthz(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "server": NAME})

    @server.tool(annotations=READ_ONLY)
    def find_order(order_number: OrderNumber) -> Order:
        """Find an order by its number: where the parcel is, when it arrives, what is in it."""
        order = book.find(order_number)
        return _order(order) if order else Order(found=False, order_number=order_number)

    @server.tool(annotations=READ_ONLY)
    def orders_of(email: Email) -> Orders:
        """List the orders of a customer by e-mail address, when the order number is not known."""
        orders = [_order(order) for order in book.of(email)]
        return Orders(found=bool(orders), count=len(orders), orders=orders)

    @server.tool(annotations=READ_ONLY)
    def refund_status(order_number: OrderNumber) -> Return:
        """Say how far the return of an order is, and whether the money has been paid back."""
        order = book.find(order_number)
        return _return(book, order) if order else Return(found=False, order_number=order_number)

    @server.tool(annotations=WRITES)
    def start_return(
        order_number: OrderNumber,
        reason: Annotated[
            Reason, Field(description="Why the customer sends it back.")
        ] = "not given",
    ) -> Return:
        """Start the return of a delivered order: the customer gets a label by e-mail."""
        order = book.find(order_number)
        if order is None:
            return Return(found=False, order_number=order_number)
        if refused := _refusal(order):
            return Return(found=True, order_number=order_number, refused_because=refused)
        book.open_return(order_number, reason)
        return _return(book, order)

    return server


def _order(order: StoredOrder) -> Order:
    now = today()
    return Order(
        found=True,
        order_number=order.number,
        status=order.status,
        contents=_contents(order),
        total=spoken_amount(order.cents),
        carrier=order.carrier,
        placed=spoken_day(order.placed_on, now),
        arrives=spoken_day(order.arrives_on, now),
        placed_on=order.placed_on.isoformat(),
        arrives_on=order.arrives_on.isoformat(),
    )


def _contents(order: StoredOrder) -> str:
    return spoken_list([spoken_quantity(line.quantity, line.article) for line in order.lines])


def _refusal(order: StoredOrder) -> str:
    if order.status == "cancelled":
        return "it was cancelled"
    if order.status != "delivered":
        return "it is not delivered yet"
    if today() - order.arrives_on > timedelta(RETURN_DAYS):
        return f"it was delivered more than {RETURN_DAYS} days ago"
    return ""


def _return(book: OrderBook, order: StoredOrder) -> Return:
    stored = book.find_return(order.number)
    if stored is None:
        because = "no return was started for it"
        return Return(found=True, order_number=order.number, refused_because=because)
    return Return(
        found=True,
        order_number=order.number,
        accepted=True,
        return_number=f"R{order.number}",
        contents=_contents(order),
        state=stored.state,
        refund=spoken_amount(order.cents),
    )


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
    parser = argparse.ArgumentParser(description="Orders of the example desk, over MCP.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8101, help="0: any free port (%(default)s)")
    options = parser.parse_args()
    token = os.environ.get("FRONTDESK_MCP_TOKEN")
    if not token:
        parser.error("set FRONTDESK_MCP_TOKEN: the token that callers must send")
    send_spans()
    # uvicorn ends its work on a signal and then raises it anew: end quietly, cleaning up.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    with tempfile.TemporaryDirectory(prefix="orders-") as temporary:
        data = Path(os.environ.get("FRONTDESK_DATA") or temporary)
        try:
            book = OrderBook(data / "orders.sqlite3")
        except (OSError, sqlite3.Error) as error:
            parser.error(f"can't keep orders in {data}: {error}")
        try:
            listener = socket.create_server((options.host, options.port))
        except OSError as error:
            parser.error(f"can't listen on {options.host}:{options.port}: {error.strerror}")
        serve(book, token, options.host, listener)


def serve(book: OrderBook, token: str, host: str, listener: socket.socket) -> None:
    """Answer calls on ``listener`` until the process is told to stop."""
    url = f"http://{host}:{listener.getsockname()[1]}"
    server = build(book, token, url)
    # Stateless: a client that outlives a restart of this server has no session to lose.
    app = server.streamable_http_app(host=host, stateless_http=True)
    Announced(uvicorn.Config(app, log_level="warning"), url).run(sockets=[listener])


if __name__ == "__main__":
    main()
