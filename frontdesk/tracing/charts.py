"""Lines over time, as SVG paths made on the server."""

from collections.abc import Sequence
from dataclasses import dataclass

STEPS = (1, 2, 2.5, 5, 10)
"""What people can count in, times a power of ten."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A vertical axis from 0 to ``top``; ``ticks`` are values on it, ``top`` included."""

    top: float
    ticks: tuple[float, ...]


def axis(highest: float, ticks: int = 4) -> Axis:
    """An axis that holds ``highest``, with about so many ticks at round values."""
    if highest <= 0:
        return Axis(1.0, (0.0, 1.0))
    power = 10.0 ** len(str(int(highest / ticks))) / 10 if highest >= ticks else 1e-3
    while True:
        for step in STEPS:
            if step * power * ticks >= highest:
                count = -(-highest // (step * power))
                top = count * step * power
                return Axis(top, tuple(n * step * power for n in range(int(count) + 1)))
        power *= 10


def path(values: Sequence[float | None], top: float, width: float, height: float) -> str:
    """The ``d`` of a line through the middles of equal columns; a gap where nothing is known. A
    value between two gaps is a short dash, as a point of no length would not be drawn."""
    if not values or top <= 0:
        return ""
    column = width / len(values)
    parts: list[str] = []
    for n, value in enumerate(values):
        if value is None:
            continue
        x, y = column * (n + 0.5), height * (1 - min(value / top, 1.0))
        before = n > 0 and values[n - 1] is not None
        after = n + 1 < len(values) and values[n + 1] is not None
        if before:
            parts.append(f"L{x:.1f} {y:.1f}")
        elif after:
            parts.append(f"M{x:.1f} {y:.1f}")
        else:
            parts.append(f"M{x - column / 3:.1f} {y:.1f}H{x + column / 3:.1f}")
    return "".join(parts)
