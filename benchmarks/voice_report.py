"""The figures of the voice as a table and as a picture."""

from collections.abc import Iterator
from html import escape
from typing import Any

COLUMNS = (
    ("mean / p50 / p95 ms", "{mean_ms:.0f} / {p50_ms:.0f} / {p95_ms:.0f}"),
    ("cut off", "{cut_off}"),
    ("talked over", "{talked_over}"),
    ("missed", "{missed}"),
    ("word errors", "{word_error_rate:.1%}"),
    ("barge-in, mean / worst ms", "{barge_in_mean_ms:.0f} / {barge_in_worst_ms:.0f}"),
    ("worst at the ear", "{barge_in_ear_worst_ms:.0f}"),
    ("ignored", "{barge_ins_ignored} of {barge_ins}"),
    ("stopped by mistake", "{stopped_by_mistake} of {other_sounds}"),
    ("answers lost by it", "{answers_lost}"),
    ("saved by speculation, ms (taken back)", "{saved_ms:.0f} ({taken_back:.0f} of {tried:.0f})"),
    ("CPU", "{cpu:.0%}"),
)

UNTOLD = {"speculated": 0, "taken_back": 0, "saved_ms": float("nan")}
"""Of speculation, by a server that does not say."""


def table(results: dict[str, Any]) -> str:
    """As Markdown: the systems, then the classes of turns."""
    lines = [f"{results['at']}, {results['machine']}, load before: {results['load']:.1f}", ""]
    lines += _rows(["", *(name for name, _ in COLUMNS)], _systems(results))
    lines += ["", "Mean wait in ms (turns cut off) by class of turn", "", *_classes(results)]
    for system in results["systems"].values():
        lines += [f"LOST at {system['title']}: {lost}" for lost in system["lost"]]
    return "\n".join(lines)


def _systems(results: dict[str, Any]) -> Iterator[list[str]]:
    for system in results["systems"].values():
        figures = {**UNTOLD, **system["summary"]}
        figures["tried"] = figures["speculated"] + figures["taken_back"]
        cells = [how.format(**figures) for _, how in COLUMNS]
        yield [system["title"], *(cell if "nan" not in cell else "" for cell in cells)]


def _classes(results: dict[str, Any]) -> Iterator[str]:
    systems = list(results["systems"].values())
    kinds = dict.fromkeys(kind for system in systems for kind in system["by_kind"])
    rows: list[list[str]] = []
    for kind in kinds:
        found = [system["by_kind"].get(kind) for system in systems]
        turns = next(figures["turns"] for figures in found if figures)
        cells = [f"{f['mean_ms']:.0f} ({f['cut_off']})" if f else "" for f in found]
        rows.append([f"{kind}, {turns} turns", *cells])
    return _rows(["", *(system["title"] for system in systems)], iter(rows))


def _rows(head: list[str], rows: Iterator[list[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"


# The picture

WIDTH, LEFT, RIGHT, TOP, ROW = 860, 240, 40, 96, 64
SHOWN_MS = 2000
"""Where the axis ends; waits beyond it are drawn at its end."""
GOAL_MS = 320
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1d2430 } .small { font-size: 11px; fill: #667 }
.title { font-size: 16px; font-weight: 600 } .axis { stroke: #ccd } .goal { stroke: #2a7f62;
stroke-dasharray: 4 3 } .turn { fill: #3563c9; fill-opacity: .45 } .cut { fill: #c9352f }
.mean { stroke: #1d2430; stroke-width: 2 } svg { background: #fff }
"""


def chart(results: dict[str, Any]) -> str:
    """A dot for each turn by its wait, a bar at the mean; red: the turn was cut off."""
    systems = list(results["systems"].values())
    height = TOP + ROW * len(systems) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<style>{STYLE}</style>",
        '<text class="title" x="20" y="30">End of speech to first sound, at the ear</text>',
        '<text class="small" x="20" y="50">Each dot is a spoken turn; red: taken for over before '
        "its end. Upright bar: mean. Dashed: 320 ms.</text>",
        *_axis(height),
    ]
    for n, system in enumerate(systems):
        parts += _row(system, TOP + ROW * n)
    at = escape(f"{results['at'][:10]}, {results['machine']}, load {results['load']:.1f}")
    parts += [f'<text class="small" x="20" y="{height - 8}">{at}</text>', "</svg>"]
    return "\n".join(parts) + "\n"


def _x(milliseconds: float) -> float:
    share = min(max(milliseconds, 0), SHOWN_MS) / SHOWN_MS
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _axis(height: int) -> Iterator[str]:
    for ms in range(0, SHOWN_MS + 1, 250):
        x, line = _x(ms), "axis"
        yield f'<line class="{line}" x1="{x}" x2="{x}" y1="{TOP - 14}" y2="{height - 34}"/>'
        yield f'<text class="small" x="{x}" y="{TOP - 20}" text-anchor="middle">{ms} ms</text>'
    x = _x(GOAL_MS)
    yield f'<line class="goal" x1="{x}" x2="{x}" y1="{TOP - 14}" y2="{height - 34}"/>'


def _row(system: dict[str, Any], y: int) -> Iterator[str]:
    figures = system["summary"]
    yield f'<text x="20" y="{y + 18}">{escape(system["title"])}</text>'
    told = f"mean {figures['mean_ms']:.0f} ms, {figures['cut_off']} of {figures['turns']} cut off"
    yield f'<text class="small" x="20" y="{y + 36}">{told}</text>'
    for n, turn in enumerate(system["turns"]):
        if turn["latency"] is not None:
            what = "cut" if turn["cut"] else "turn"
            x, dot = _x(turn["latency"]), y + 6 + n * 29 % 36
            wait = f"{escape(turn['clip'])}: {turn['latency']:.0f} ms"
            yield f'<circle class="{what}" cx="{x}" cy="{dot}" r="3"><title>{wait}</title></circle>'
    if figures["mean_ms"] == figures["mean_ms"]:  # no NaN
        x = _x(figures["mean_ms"])
        yield f'<line class="mean" x1="{x}" x2="{x}" y1="{y}" y2="{y + 46}"/>'
