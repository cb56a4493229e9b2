"""The shop's orders in SQLite: seeded at the first start, kept after that.

Dates are relative to today. When a day has passed since the book was last opened, all dates move
with it, so that a parcel which is on its way stays so, and returns that callers made are kept.
"""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

RETURN_DAYS = 30

SCHEMA = """
CREATE TABLE book (dated TEXT NOT NULL);
CREATE TABLE orders (
    number TEXT PRIMARY KEY, email TEXT NOT NULL COLLATE NOCASE, placed_on TEXT NOT NULL,
    status TEXT NOT NULL, carrier TEXT NOT NULL, arrives_on TEXT NOT NULL
);
CREATE TABLE lines (
    order_number TEXT NOT NULL REFERENCES orders, article TEXT NOT NULL,
    quantity INTEGER NOT NULL, cents INTEGER NOT NULL
);
CREATE TABLE returns (
    order_number TEXT PRIMARY KEY REFERENCES orders, reason TEXT NOT NULL,
    state TEXT NOT NULL, opened_on TEXT NOT NULL
);
"""

PRICES = {
    "Atlas floor lamp": 27900,
    "Fern shade": 3450,
    "Heron floor lamp": 19900,
    "Juniper desk lamp": 8900,
    "Lantern ceiling lamp": 24900,
    "Olive pendant lamp": 15900,
    "Pebble table lamp": 6400,
    "Willow wall lamp": 7900,
    "warm white bulb": 950,
}
# number, customer, days since it was placed, status, carrier, days until it arrives, articles
ORDERS = [
    ("48271", "anna.berg", 3, "on its way", "Northline", 2, {"Juniper desk lamp": 1}),
    ("48302", "anna.berg", 1, "being packed", "Pigeon Post", 4, {"Fern shade": 2}),
    ("47118", "anna.berg", 16, "delivered", "Northline", -12, {"Heron floor lamp": 1}),
    ("51940", "tom.okafor", 4, "out for delivery", "Pigeon Post", 0, {"Pebble table lamp": 1}),
    ("36605", "tom.okafor", 64, "delivered", "Northline", -60, {"Lantern ceiling lamp": 1}),
    ("52077", "maria.silva", 0, "being packed", "Wagon and Sons", 5,
     {"Atlas floor lamp": 1, "warm white bulb": 3}),
    ("49516", "maria.silva", 7, "delivered", "Wagon and Sons", -2, {"Juniper desk lamp": 2}),
    ("45033", "li.chen", 21, "delivered", "Northline", -17, {"Willow wall lamp": 1}),
    ("50812", "li.chen", 5, "on its way", "Wagon and Sons", 1, {"Olive pendant lamp": 1}),
    ("44790", "sam.jones", 24, "delivered", "Pigeon Post", -20,
     {"Pebble table lamp": 1, "Fern shade": 1}),
    ("50366", "sam.jones", 6, "cancelled", "Pigeon Post", -1, {"Heron floor lamp": 1}),
    ("43128", "eva.novak", 30, "delivered", "Northline", -26, {"Willow wall lamp": 2}),
]  # fmt: skip
# order, reason, state, days since it was opened
RETURNS = [
    ("45033", "changed my mind", "being checked", 6),
    ("43128", "damaged", "refunded", 15),
]


@dataclass(frozen=True, slots=True)
class Line:
    article: str
    quantity: int
    cents: int


@dataclass(frozen=True, slots=True)
class StoredOrder:
    number: str
    email: str
    placed_on: date
    status: str
    carrier: str
    arrives_on: date
    lines: tuple[Line, ...]

    @property
    def cents(self) -> int:
        return sum(line.quantity * line.cents for line in self.lines)


@dataclass(frozen=True, slots=True)
class StoredReturn:
    order_number: str
    reason: str
    state: str
    opened_on: date


def today() -> date:
    """The shop's day."""
    return datetime.now().astimezone().date()


class OrderBook:
    """Orders and returns in the SQLite file at ``path``. Each method is one transaction."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'book'").fetchone():
                _seed(db, today())

    def find(self, number: str) -> StoredOrder | None:
        with self._open() as db:
            _keep_up(db, today())
            row = db.execute("SELECT * FROM orders WHERE number = ?", (number,)).fetchone()
            return _order(db, row) if row else None

    def of(self, email: str) -> list[StoredOrder]:
        """The orders of a customer, newest first."""
        with self._open() as db:
            _keep_up(db, today())
            query = "SELECT * FROM orders WHERE email = ? ORDER BY placed_on DESC"
            return [_order(db, row) for row in db.execute(query, (email.strip(),)).fetchall()]

    def find_return(self, number: str) -> StoredReturn | None:
        with self._open() as db:
            _keep_up(db, today())
            row = db.execute("SELECT * FROM returns WHERE order_number = ?", (number,)).fetchone()
        if row is None:
            return None
        opened_on = date.fromisoformat(row["opened_on"])
        return StoredReturn(row["order_number"], row["reason"], row["state"], opened_on)

    def open_return(self, number: str, reason: str) -> None:
        """Record a return; does nothing when the order has one already."""
        with self._open() as db:
            db.execute(
                "INSERT OR IGNORE INTO returns VALUES (?, ?, 'waiting for the parcel', ?)",
                (number, reason, today().isoformat()),
            )

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        # A connection for each call: tools run in threads, and SQLite objects belong to one.
        db = sqlite3.connect(self.path, timeout=5, isolation_level=None)
        db.row_factory = sqlite3.Row
        try:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
        finally:  # closing rolls back what was not committed
            db.close()


def _seed(db: sqlite3.Connection, now: date) -> None:
    for statement in SCHEMA.split(";"):
        db.execute(statement)
    db.execute("INSERT INTO book VALUES (?)", (now.isoformat(),))
    for number, customer, placed, status, carrier, arrives, articles in ORDERS:
        placed_on, arrives_on = now - timedelta(placed), now + timedelta(arrives)
        email = f"{customer}@example.com"
        row = (number, email, placed_on.isoformat(), status, carrier, arrives_on.isoformat())
        db.execute("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)", row)
        rows = [(number, article, count, PRICES[article]) for article, count in articles.items()]
        db.executemany("INSERT INTO lines VALUES (?, ?, ?, ?)", rows)
    for number, reason, state, opened in RETURNS:
        opened_on = (now - timedelta(opened)).isoformat()
        db.execute("INSERT INTO returns VALUES (?, ?, ?, ?)", (number, reason, state, opened_on))


def _keep_up(db: sqlite3.Connection, now: date) -> None:
    dated = date.fromisoformat(db.execute("SELECT dated FROM book").fetchone()["dated"])
    if dated == now:
        return
    days = f"{(now - dated).days:+d} days"
    db.execute("UPDATE book SET dated = ?", (now.isoformat(),))
    db.execute(
        "UPDATE orders SET placed_on = date(placed_on, ?), arrives_on = date(arrives_on, ?)",
        (days, days),
    )
    db.execute("UPDATE returns SET opened_on = date(opened_on, ?)", (days,))


def _order(db: sqlite3.Connection, row: sqlite3.Row) -> StoredOrder:
    query = "SELECT article, quantity, cents FROM lines WHERE order_number = ? ORDER BY rowid"
    lines = tuple(Line(*line) for line in db.execute(query, (row["number"],)).fetchall())
    placed_on, arrives_on = (date.fromisoformat(row[name]) for name in ("placed_on", "arrives_on"))
    carrier = row["carrier"]
    return StoredOrder(
        row["number"],
        row["email"],
        placed_on,
        row["status"],
        carrier,
        _no_sunday(arrives_on),
        lines,
    )


def _no_sunday(day: date) -> date:
    """Nobody delivers on a Sunday: parcels came the day before, or come the day after."""
    if day.weekday() != 6:
        return day
    return day + timedelta(1 if day >= today() else -1)
