"""A run's report, as a table to read and as JSON to keep."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from frontdesk.conformance.stream import shortened
from frontdesk.conformance.suite import Report
from frontdesk.conformance.verdicts import Check

HEAD = ("area", "passed", "failed", "skipped", "first failing event")


def table(report: Report) -> Iterator[str]:
    """A line an area."""
    rows = [HEAD, *(_row(report, area) for area in report.areas())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [row[column].rjust(widths[column]) for column in (1, 2, 3)]
        yield "  ".join([*cells, row[4]]).rstrip()


def _row(report: Report, area: str) -> tuple[str, ...]:
    checks = [check for check in report.checks if check.area == area]
    counts = Counter(check.status for check in checks)
    first = next((check for check in checks if check.status == "failed"), None)
    failing = f"{first.event} ({first.name})" if first else ""
    return (area, *(str(counts[status]) for status in ("passed", "failed", "skipped")), failing)


def failures(report: Report) -> Iterator[str]:
    """What failed, each with what is needed to mend it."""
    for check in report.checks:
        if check.status == "failed":
            yield from explained(check)
            yield ""


def explained(check: Check) -> Iterator[str]:
    """One failure in a few lines."""
    yield f"{check.area}: {check.name}"
    yield f"  rule      {check.rule}"
    if check.scenario:
        yield f"  seen in   {check.scenario}"
    yield f"  expected  {check.reason}"
    yield f"  seen      {_seen(check)}"
    for index, line in enumerate(check.before):
        yield f"  {'before it' if index == 0 else '         '} {line}"


def skipped(report: Report) -> Iterator[str]:
    """What was not tried, and why, a line a reason."""
    reasons = Counter(
        (check.area, check.reason) for check in report.checks if check.status == "skipped"
    )
    for (area, reason), count in reasons.items():
        yield f"skipped   {area}, {count}: {reason}"


def _seen(check: Check) -> str:
    seen = check.seen if isinstance(check.seen, str) else shortened(check.seen)
    seen = "nothing" if check.seen is None else seen
    return seen if len(seen) <= 600 else f"{seen[:600]}…"


def document(report: Report, url: str) -> dict[str, Any]:
    """All of it, for ``--json``."""
    return {
        "url": url,
        "passed": report.passed,
        "checks": [asdict(check) for check in report.checks],
        "fields": report.notes,
        "events": {"sent": report.sent, "seen": sorted(report.seen)},
    }
