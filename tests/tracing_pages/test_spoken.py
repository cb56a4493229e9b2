from types import SimpleNamespace
from typing import Any

from frontdesk.tracing.spoken import conversation


def test_handoffs_stand_where_they_happened_and_cuts_under_what_was_cut(
    sample: SimpleNamespace,
) -> None:
    found = conversation(sample.SAMPLE_CALL)
    roles = [entry["role"] for entry in found]
    assert roles == ["caller", "handoff", *["agent", "caller"] * 2, "agent", "agent"]
    (cut,) = [entry for entry in found if entry.get("cut")]
    assert cut["text"] == sample.LEFT
    assert cut["cut"]["interrupted_of"] == 4.4


def test_who_cuts_in_before_a_word_was_heard_is_told_of(sample: SimpleNamespace) -> None:
    heard: list[dict[str, Any]] = sample.SAMPLE_CALL["transcript"]
    silent = [line for line in heard if line["text"] != sample.LEFT]
    found = conversation({**sample.SAMPLE_CALL, "transcript": silent})
    (cut,) = [entry for entry in found if entry.get("cut")]
    assert (cut["text"], cut["agent"], cut["start_ms"]) == ("…", "orders", 15_600)
