"""What moved, in words: the part of a column whose share changed most."""

from headrace.monitor.histograms import Bins

NEARLY = 0.9
"""Of the largest change: a narrower part that has so much of it is told instead."""


def says(name: str, bins: Bins) -> str:
    """Return such as "temp 61 to 77 °F: 20 % → 41 %", or nothing where no share changed.

    Of a number the part is the range of neighbouring bins that rose or fell most together; of
    those that moved NEARLY as much the narrowest, since chance moves neighbours a little. What is
    missing is a part of its own.
    """
    before, after = bins.before / bins.before.sum(), bins.after / bins.after.sum()
    change = after - before
    parts = _ranges(bins.ordered, len(change))
    sums = {part: round(float(change[part[0] : part[1] + 1].sum()), 9) for part in parts}
    most = NEARLY * max(map(abs, sums.values()))
    told = [part for part in parts if abs(sums[part]) >= most]
    first, last = max(told, key=lambda one: (one[0] - one[1], abs(sums[one]), sums[one]))
    found = slice(first, last + 1)
    if not sums[first, last]:
        return ""
    old, new = (share(side[found].sum()) for side in (before, after))
    return f"{name} {bins.name(first, last)}: {old} → {new}"


def _ranges(ordered: int, bins: int) -> list[tuple[int, int]]:
    pairs = [(first, last) for first in range(ordered) for last in range(first, ordered)]
    return [*pairs, *((place, place) for place in range(ordered, bins))]


def share(value: float) -> str:
    """Return a share as per cent, of small ones with a decimal more."""
    percent = 100 * float(value)
    if percent >= 9.95 or percent == 0:
        return f"{percent:.0f} %"
    return f"{percent:.1f} %" if percent >= 0.95 else f"{percent:.1g} %"
