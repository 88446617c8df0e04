"""The scale of an axis: where a number lies in a picture, and which numbers it shows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

TICKS = 5
UNITS = {
    "_s": "seconds",
    "_seconds": "seconds",
    "_ms": "milliseconds",
    "_minutes": "minutes",
    "_hours": "hours",
    "_days": "days",
    "_mib": "MiB",
    "_bytes": "bytes",
    "_percent": "%",
    "_usd": "US dollars",
}
"""Units by the end of a metric's name."""


def unit(name: str) -> str:
    """Return the unit in a metric's name, or nothing."""
    return next((word for end, word in UNITS.items() if name.endswith(end)), "")


@dataclass(frozen=True)
class Scale:
    """Numbers from low to high, drawn from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def around(cls, values: Sequence[float], start: float, end: float) -> "Scale":
        """Return the scale that shows the values, with a margin above and below."""
        low, high = float(min(values)), float(max(values))
        margin = (high / 2 - low / 2) * 0.12 or abs(high) * 0.05 or 1.0
        limit = 1.7e308  # just below the largest float, to which a margin might lead
        return cls(max(low - margin, -limit), min(high + margin, limit), start, end)

    def __call__(self, value: float) -> float:
        """Return where a number lies."""
        share = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)  # halves: no overflow
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """Return the numbers to write at the axis, round where there are such, and their text."""
        rough = (self.high / 2 - self.low / 2) * 2 / TICKS
        step = _round_up(rough) if math.isfinite(rough) and rough > 0 else 0.0
        if not step or max(abs(self.low), abs(self.high)) / step > 1e9:  # they look alike
            return [(value, f"{value:.6g}") for value in (self.low, self.high)]
        places = range(math.ceil(self.low / step), math.floor(self.high / step) + 1)
        return [(place * step, _label(place * step, step)) for place in places]


def _round_up(rough: float) -> float:
    """Return the next step of 1, 2, 2.5 or 5 times a power of ten; 0 where there is none."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next((size * power for size in (1, 2, 2.5, 5, 10) if size * power >= rough), 0.0)


def _label(value: float, step: float) -> str:
    """Return a number with the digits that its step needs."""
    digits = next((count for count in range(7) if math.isclose(step, round(step, count))), None)
    if digits is None or abs(value) >= 10**7:
        return f"{value:.3g}"
    return f"{value + 0.0:,.{digits}f}"  # -0.0 + 0.0 is 0.0
