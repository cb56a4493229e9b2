"""Where the agents of a team stand, and how the lines between them run.

Agents stand in rows by how many handoffs they are from the entry. As those are the fewest, a line
goes to the next row, along its own row, or back up; so no layout library is needed. Lengths are in
pixels.
"""

from dataclasses import dataclass, field
from itertools import groupby, pairwise

from frontdesk.desk.drawing.graph import Edge, Graph, Node
from frontdesk.desk.drawing.words import wrapped

CARD, PADDING, GAP, MARGIN = 250, 14, 56, 40
TOP = 96
LABEL_SIZE, LABEL_ROOM, LABEL_LINE = 11, 130, 14
LEVEL = 20
"""Between two lines that run beneath a row and have nothing written on them."""
LANE = 18
"""Between two lines that run up beside the rows."""
STYLES = {
    "name": (15, 22),
    "about": (12, 16),
    "tool": (12, 18),
    "server": (12, 18),
    "more": (12, 16),
}
"""Font size and line height by kind of line."""

Point = tuple[float, float]


@dataclass(slots=True)
class Card:
    """An agent, drawn: lines of text by kind, from its top left corner."""

    node: Node
    row: int
    lines: list[tuple[str, str]]
    height: float
    x: float = 0
    y: float = 0
    ports: dict[str, list["Link"]] = field(default_factory=lambda: {"top": [], "bottom": []})

    @property
    def middle(self) -> float:
        return self.x + CARD / 2

    def port(self, side: str, link: "Link") -> Point:
        """Where ``link`` meets the card's top or bottom."""
        links = self.ports[side]
        x = self.x + CARD * (links.index(link) + 1) / (len(links) + 1)
        return x, self.y if side == "top" else self.y + self.height


@dataclass(slots=True, eq=False)
class Link:
    """All handoffs between two agents: ``there`` from the first (upper or left), ``back`` to it."""

    first: Card
    second: Card
    there: Edge | None = None
    back: Edge | None = None
    points: list[Point] = field(default_factory=list[Point])
    label_at: Point = (0, 0)
    """The middle of the first line of text."""
    lane: float = 0
    """Where it runs up beside the rows, if it does."""

    @property
    def is_far(self) -> bool:
        """Whether there are rows between its ends."""
        return self.second.row - self.first.row > 1

    @property
    def is_level(self) -> bool:
        """Whether both ends are in one row."""
        return self.first.row == self.second.row

    @property
    def labels(self) -> list[str]:
        """The lines spoken, wrapped; with arrows where it has to be said which way."""
        both = self.there is not None and self.back is not None
        arrows = "→←" if self.is_level else "↓↑"
        lines: list[str] = []
        for edge, arrow in ((self.there, arrows[0]), (self.back, arrows[1])):
            if edge and edge.label:
                text = f"{arrow} {edge.label}" if both else edge.label
                lines += wrapped(text, LABEL_SIZE, LABEL_ROOM, 2)
        return lines


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything in its place."""

    cards: dict[str, Card]
    links: list[Link]
    width: float
    height: float


def layout(graph: Graph) -> Layout:
    """Give each agent and each line of a team its place."""
    deepest = max(node.depth or 0 for node in graph.nodes.values())
    cards = {name: _card(node, deepest) for name, node in graph.nodes.items()}
    rows = _rows(graph, cards)
    longest = max(len(row) for row in rows)
    inner = longest * (CARD + GAP) - GAP
    for row in rows:
        indent = (inner - (len(row) * (CARD + GAP) - GAP)) / 2
        for index, card in enumerate(row):
            card.x = MARGIN + indent + index * (CARD + GAP)
    links = _links(graph, cards)
    far = [link for link in links if link.is_far]
    shift = LANE * len(far)
    for card in cards.values():
        card.x += shift
    for lane, link in enumerate(far):
        link.lane = MARGIN + LANE * lane
    bent = [link for link in links if not _is_straight(link, rows)]
    _give_ports(bent)
    bottom = _stack(rows, bent)
    for link in links:
        if link not in bent:
            y = max(link.first.y, link.second.y) + 24
            link.points = [(link.first.x + CARD, y), (link.second.x, y)]
    return Layout(cards, links, inner + 2 * MARGIN + shift, bottom + MARGIN)


def _card(node: Node, deepest: int) -> Card:
    room = CARD - 2 * PADDING
    lines = [("name", line) for line in wrapped(node.name, 15, room, 2)]
    lines += [("about", line) for line in wrapped(node.description, 12, room, 3)]
    speaks = f"model {node.model}" + (f", voice {node.voice}" if node.voice else "")
    lines += [("about", line) for line in wrapped(speaks, 12, room, 1)]
    if node.guardrails:
        guards = f"guarded by {', '.join(node.guardrails)}"
        lines += [("about", line) for line in wrapped(guards, 12, room, 3)]
    lines += [("tool", tool) for tool in node.tools]
    for server, tools in node.servers.items():
        first, *more = wrapped(f"{server}: {tools}", 12, room - 34, 4)
        lines += [("server", first), *(("more", line) for line in more)]
    height = 2 * PADDING + sum(STYLES[kind][1] for kind, _ in lines)
    row = deepest + 1 if node.depth is None else node.depth
    return Card(node, row, lines, height)


def _rows(graph: Graph, cards: dict[str, Card]) -> list[list[Card]]:
    """By row; in each, agents stand near those of the row above that they talk to."""
    ordered = sorted(cards.values(), key=lambda card: card.row)
    rows = [list(row) for _, row in groupby(ordered, key=lambda card: card.row)]
    for above, row in pairwise(rows):
        places = {card.node.name: place for place, card in enumerate(above)}
        row.sort(key=lambda card: _mean_place(graph, card.node.name, places))
    return rows


def _mean_place(graph: Graph, name: str, places: dict[str, int]) -> float:
    met = [places[e.source] for e in graph.edges if e.target == name and e.source in places]
    return sum(met) / len(met) if met else 0


def _links(graph: Graph, cards: dict[str, Card]) -> list[Link]:
    links: dict[frozenset[str], Link] = {}
    for edge in graph.edges:
        source, target = cards[edge.source], cards[edge.target]
        is_there = (source.row, source.x) < (target.row, target.x)
        first, second = (source, target) if is_there else (target, source)
        link = links.setdefault(frozenset((edge.source, edge.target)), Link(first, second))
        if is_there:
            link.there = edge
        else:
            link.back = edge
    return list(links.values())


def _is_straight(link: Link, rows: list[list[Card]]) -> bool:
    """Whether it joins neighbours and has nothing to say: a short line from side to side."""
    row = next(row for row in rows if link.first in row)
    return (
        link.second in row
        and row.index(link.second) - row.index(link.first) == 1
        and not (link.labels)
    )


def _give_ports(links: list[Link]) -> None:
    for link in links:
        link.first.ports["bottom"].append(link)
        link.second.ports["bottom" if link.is_level or link.is_far else "top"].append(link)
    for card in {id(c): c for link in links for c in (link.first, link.second)}.values():
        for side in card.ports.values():
            side.sort(key=lambda link: _direction(link, card))


def _direction(link: Link, card: Card) -> float:
    """How far to the right a line leads from ``card``."""
    if link.is_far:
        return link.lane
    return (link.second if link.first is card else link.first).middle


def _stack(rows: list[list[Card]], links: list[Link]) -> float:
    """Place the rows one beneath the other with the lines between them; returns the lowest y."""
    y: float = TOP
    for row in rows:
        for card in row:
            card.y = y
        bottom = y + max(card.height for card in row)
        met = [link for link in links if link.first in row or link.second in row]
        along = [link for link in met if link.is_level or link.is_far]
        down = [link for link in met if link not in along and link.first in row]
        level = _run_along(along, row, bottom + 26)
        labels = max((_label_height(link) for link in down), default=0)
        y = level + (44 if down else 10) + labels
        for link in down:
            _run_down(link, bottom, level, y, labels)
    return y


def _run_along(links: list[Link], row: list[Card], top: float) -> float:
    """Lines beneath a row, each on a level on which it meets no other; returns the lowest y."""
    levels: list[list[Link]] = []
    for link in sorted(links, key=lambda link: _span(link, row)[1] - _span(link, row)[0]):
        free = (v for v in levels if all(_apart(_span(link, row), _span(k, row)) for k in v))
        level = next(free, None)
        if level is None:
            levels.append(level := [])
        level.append(link)
    y = top
    for level in levels:
        height = max(LEVEL, *(12 + LABEL_LINE * len(_labels_in(link, row)) for link in level))
        for link in level:
            _bend(link, row, y + height / 2)
        y += height
    return y


def _span(link: Link, row: list[Card]) -> tuple[float, float]:
    """From where to where a line runs beneath a row."""
    if link.is_far:
        return link.lane, (link.first if link.first in row else link.second).middle
    return link.first.middle, link.second.middle


def _apart(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[1] < other[0] or other[1] < one[0]


def _labels_in(link: Link, row: list[Card]) -> list[str]:
    return link.labels if link.second in row else []


def _bend(link: Link, row: list[Card], y: float) -> None:
    """Run a line beneath a row at ``y``; a far one comes here twice, for its upper end first."""
    ends = [card.port("bottom", link) for card in (link.first, link.second) if card in row]
    corners = [(ends[0][0], y), (link.lane if link.is_far else ends[-1][0], y)]
    if link.second not in row:
        link.points = [ends[0], *corners]
    elif link.is_far:
        link.points += [*reversed(corners), ends[0]]
    else:
        link.points = [ends[0], *corners, ends[-1]]
    middle = ends[0][0] - LABEL_ROOM / 2 if link.is_far else (ends[0][0] + ends[-1][0]) / 2
    link.label_at = middle, y + 4 - LABEL_LINE * (len(link.labels) - 1) / 2


def _run_down(link: Link, bottom: float, level: float, top: float, labels: float) -> None:
    """From the bottom of a card, past the lines beneath its row, to the top of one in the next."""
    x1, y1 = link.first.port("bottom", link)
    x2, _ = link.second.port("top", link)
    upright = [(x1, bottom), (x1, level)]
    link.points = [(x1, y1), *upright, (x2, top - 14 - labels), (x2, top)]
    before = link.second.ports["top"]
    ahead = sum(LABEL_LINE * len(other.labels) for other in before[: before.index(link)])
    link.label_at = x2, top - 14 - labels + ahead + LABEL_LINE


def _label_height(link: Link) -> float:
    return LABEL_LINE * sum(len(other.labels) for other in link.second.ports["top"])
