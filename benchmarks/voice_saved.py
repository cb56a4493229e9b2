"""What a Frontdesk server says of its own speculation, by its metrics."""

import urllib.request
from collections import defaultdict

from prometheus_client.parser import text_string_to_metric_families


def saved(url: str) -> dict[str, float]:
    """Answers that were begun before the end of a turn was sure, since the server started: how
    many became the answer, how many were taken back, and the mean of the time saved by those that
    came sooner for it (NaN if none did)."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
        return of_metrics(answer.read().decode())


def of_metrics(text: str) -> dict[str, float]:
    """The same of Prometheus' text."""
    sums: defaultdict[str, float] = defaultdict(float)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            outcome = sample.labels.get("voice_speculation_outcome", "")
            sums[f"{sample.name} {outcome}".strip()] += sample.value
    sooner = sums["voice_turn_saved_seconds_count"]
    return {
        "speculated": sums["voice_speculations_total adopted"],
        "taken_back": sums["voice_speculations_total discarded"],
        "saved_ms": 1000 * sums["voice_turn_saved_seconds_sum"] / (sooner or float("nan")),
    }
