"""A team as an SVG file that stands alone."""

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape

from frontdesk.desk.drawing.graph import Edge, Graph
from frontdesk.desk.drawing.layout import (
    CARD,
    LABEL_LINE,
    PADDING,
    STYLES,
    Card,
    Layout,
    Link,
    Point,
    layout,
)

STYLE = """\
text { font: 12px system-ui, sans-serif; fill: #55606e; }
.title { font-size: 18px; font-weight: 600; fill: #16202c; }
.name { font-size: 15px; font-weight: 600; fill: #16202c; }
.tool { fill: #0a6b48; } .server, .more { fill: #7a4a00; }
.kind { font-size: 9px; font-weight: 600; letter-spacing: .5px; }
.label { font-size: 11px; font-style: italic; fill: #2c3947; text-anchor: middle;
  paint-order: stroke; stroke: #f6f7f9; stroke-width: 5px; stroke-linejoin: round; }
.card { fill: #fff; stroke: #b9c2cd; } .entry { stroke: #2458c9; stroke-width: 2; }
.lost { stroke-dasharray: 5 4; }
.link { fill: none; stroke: #7b8896; stroke-width: 1.4; } .behind { stroke-dasharray: 3 4; }"""
ARROW = (
    '<marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
    'orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" fill="#7b8896"/></marker>'
)


_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg(graph: Graph) -> str:
    """The drawing as text, with a line end. It needs no script and no other file."""
    return "\n".join(_elements(graph, layout(graph))) + "\n"


def _elements(graph: Graph, placed: Layout) -> Iterator[str]:
    size = f'width="{placed.width:g}" height="{placed.height:g}"'
    box = f'viewBox="0 0 {placed.width:g} {placed.height:g}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} role="img">'
    yield f"<title>The team {_text(graph.team)}</title>"
    yield f"<style>{STYLE}</style><defs>{ARROW}</defs>"
    yield '<rect width="100%" height="100%" fill="#f6f7f9"/>'
    yield f'<text class="title" x="{PADDING}" y="30">{_text(graph.team)}</text>'
    entry = placed.cards[graph.entry]
    yield f'<text x="{entry.middle:g}" y="62" text-anchor="middle">caller</text>'
    yield _path([(entry.middle, 68), (entry.middle, entry.y)], "")
    for link in placed.links:
        yield _link(link)
    for card in placed.cards.values():
        yield from _card(card, graph.entry)
    for link in placed.links:
        yield from _labels(link)
    yield "</svg>"


def _link(link: Link) -> str:
    there, back = link.there, link.back
    start = ' marker-start="url(#arrow)"' if back else ""
    end = "" if there else ' marker-end="none"'
    told = "\n".join(_told(edge) for edge in (there, back) if edge)
    title = f"<title>{_text(told)}</title>"
    behind = any(edge.behind for edge in (there, back) if edge)
    return _path(link.points, start + end, title, kind="link behind" if behind else "link")


def _told(edge: Edge) -> str:
    told = f"{edge.source} → {edge.target}" + (f": {edge.label}" if edge.label else "")
    return f"{told} (in the background)" if edge.behind else told


def _path(points: list[Point], attributes: str, inner: str = "", kind: str = "link") -> str:
    end = "" if "marker-end" in attributes else ' marker-end="url(#arrow)"'
    return f'<path class="{kind}" d="{_line(points)}"{attributes}{end}>{inner}</path>'


def _line(points: list[Point]) -> str:
    """Straight where it is upright or level, a curve where it is neither."""
    (x, y), *others = points
    parts = [f"M{x:g} {y:g}"]
    for to_x, to_y in others:
        if (to_x, to_y) == (x, y):
            continue  # nothing between two points has no direction for an arrow
        if to_x == x or to_y == y:
            parts.append(f"L{to_x:g} {to_y:g}")
        else:
            half = (y + to_y) / 2
            parts.append(f"C{x:g} {half:g} {to_x:g} {half:g} {to_x:g} {to_y:g}")
        x, y = to_x, to_y
    return " ".join(parts)


def _card(card: Card, entry: str) -> Iterator[str]:
    node = card.node
    kind = (
        "card" + (" entry" if node.name == entry else "") + (" lost" if node.depth is None else "")
    )
    yield f"<g><title>{_text(node.name)}: {_text(node.description)}</title>"
    place = f'x="{card.x:g}" y="{card.y:g}" width="{CARD}" height="{card.height:g}"'
    yield f'<rect class="{kind}" {place} rx="8"/>'
    x, y = card.x + PADDING, card.y + PADDING
    for line, text in card.lines:
        size, height = STYLES[line]
        y += height
        base = y - (height - size) / 2 - 1
        indent = {"tool": 34, "server": 34, "more": 34}.get(line, 0)
        if line in ("tool", "server"):
            word = "TOOL" if line == "tool" else "MCP"
            yield f'<text class="kind {line}" x="{x:g}" y="{base:g}">{word}</text>'
        yield f'<text class="{line}" x="{x + indent:g}" y="{base:g}">{_text(text)}</text>'
    yield "</g>"


def _labels(link: Link) -> Iterator[str]:
    x, y = link.label_at
    for index, text in enumerate(link.labels):
        place = f'x="{x:g}" y="{y + index * LABEL_LINE:g}"'
        yield f'<text class="label" {place}>{_text(text)}</text>'


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("", text))
