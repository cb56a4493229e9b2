"""A ClickHouse to test against: chdb, which is ClickHouse's engine as a Python module, behind as
much of ClickHouse's HTTP interface as the store speaks. The SQL is executed as a server would.

Run by a Python that has chdb: ``python clickhouse_engine.py FOLDER PORT`` prints the port.
"""

import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from chdb.session import Session

USER = ("tester", "a secret: /@?")
NOT_SETTINGS = {"database", "query", "wait_end_of_query"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: the client must not wait for the second
    session: Session
    current: tuple[tuple[str, str], ...] = ()
    one_at_a_time = threading.Lock()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        said = (self.headers["x-clickhouse-user"], self.headers["x-clickhouse-key"])
        if said != USER:
            return self.answer(403, b"Code: 516. DB::Exception: Authentication failed", "516")
        params = dict(parse_qsl(urlsplit(self.path).query))
        try:
            with self.one_at_a_time:
                found = self.run(params, body)
            self.answer(200, found)
        except Exception as error:
            code = re.search(r"Code: (\d+)", str(error))
            self.answer(400, str(error).encode(), code[1] if code else "0")

    def run(self, params: dict[str, str], body: str) -> bytes:
        chosen = tuple((k, v) for k, v in params.items() if k not in NOT_SETTINGS)
        if chosen != Handler.current:
            for name, value in chosen:
                self.session.query(f"SET {name} = '{value}'")
            Handler.current = chosen
        self.session.query(f"USE {params.get('database', 'default')}")
        query = params.get("query")
        return self.session.query(f"{query} {body}" if query else body).bytes()

    def answer(self, status: int, body: bytes, code: str | None = None) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        if code:
            self.send_header("x-clickhouse-exception-code", code)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


if __name__ == "__main__":
    Handler.session = Session(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
