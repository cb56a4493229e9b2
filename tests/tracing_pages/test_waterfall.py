from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from frontdesk.tracing.waterfall import stacked, waterfall, widest


def span(span_id: str, parent: str | None, start: float, end: float | None) -> dict[str, Any]:
    return {"span_id": span_id, "parent_id": parent, "start": start, "end": end}


def names(*spans: dict[str, Any]) -> list[tuple[str, int]]:
    return [(row.span["span_id"], row.depth) for row in waterfall(spans).rows]


def test_children_follow_their_parent_and_siblings_their_start() -> None:
    assert names(
        span("late", "root", 5, 6),
        span("root", None, 0, 9),
        span("early", "root", 1, 2),
        span("inner", "early", 1.5, 1.6),
    ) == [("root", 0), ("early", 1), ("inner", 2), ("late", 1)]


def test_a_span_whose_parent_was_lost_stands_at_the_top() -> None:
    assert names(span("root", None, 0, 9), span("orphan", "gone", 1, 2)) == [
        ("root", 0),
        ("orphan", 0),
    ]


def test_a_ring_of_parents_is_shown_once_and_ends() -> None:
    assert sorted(name for name, _ in names(span("a", "b", 0, 1), span("b", "a", 0, 1))) == [
        "a",
        "b",
    ]


def test_a_running_span_reaches_to_the_end_and_has_no_length() -> None:
    row = waterfall([span("root", None, 0, 4), span("runs", "root", 1, None)]).rows[1]
    assert (row.x, row.width, row.ms) == (25.0, 75.0, None)


def test_rows_beyond_the_limit_are_counted_not_drawn() -> None:
    fall = waterfall([span(str(n), None, n, n + 1) for n in range(30)], limit=10)
    assert (len(fall.rows), fall.hidden) == (10, 20)


def test_no_spans_make_no_rows() -> None:
    assert waterfall([]).rows == ()


IDS = st.sampled_from("abcdefgh")


@given(
    st.lists(
        st.builds(
            span,
            IDS,
            st.none() | IDS,
            st.floats(0, 1e6),
            st.none() | st.floats(0, 1e6),
        ),
        unique_by=lambda each: each["span_id"],
    )
)
def test_every_span_has_one_row_inside_the_picture_below_its_parent(
    spans: list[dict[str, Any]],
) -> None:
    rows = waterfall(spans).rows
    assert sorted(row.span["span_id"] for row in rows) == sorted(s["span_id"] for s in spans)
    for index, row in enumerate(rows):
        assert 0 <= row.x <= 100.001
        assert row.width >= 0
        assert row.x + row.width <= 100.01
        if row.depth:
            above = [each for each in rows[:index] if each.depth < row.depth]
            assert above
            assert above[-1].span["span_id"] == row.span["parent_id"]


@given(st.lists(st.floats(0, 1e5), min_size=5, max_size=5))
def test_a_stacked_bar_lies_end_to_end_within_its_width(ms: list[float]) -> None:
    names = ("end_of_turn", "speech_to_text", "model", "tools", "text_to_speech")
    stages = dict(zip(names, ms, strict=True))
    segments = stacked(stages, widest([{"latency_ms": None, "stages": stages}]))
    edge = 0.0
    for segment in segments:
        assert abs(segment.x - edge) < 0.01
        edge = segment.x + segment.width
    assert edge <= 100.01
