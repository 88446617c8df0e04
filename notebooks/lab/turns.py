"""Commands timed in turn, in one run: what slows the machine down slows all of them."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

from lab import bake

RUNS = 3


def command(folder: Path, *commands: Sequence[str]) -> Callable[[], float]:
    """Return what runs commands, one after the other, and returns the seconds they took."""

    def seconds() -> float:
        begun = time.perf_counter()
        for words in commands:
            bake.run(folder, *words)
        return time.perf_counter() - begun

    return seconds


def medians(ways: Mapping[str, Callable[[], float]], runs: int = RUNS) -> dict[str, float]:
    """Call all ways in turn, so many times, and return each one's median."""
    rounds = [{name: way() for name, way in ways.items()} for _ in range(runs)]
    return {name: median(seconds[name] for seconds in rounds) for name in ways}
