"""The cost of a stage: seconds, memory and bytes, of its process and its children."""

import json
import os
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.core import atomic
from headrace.core import cpu as processor
from headrace.core.stage import COSTS

FOLDER = COSTS
PROCESSOR = "processor"
IO = Path("/proc/self/io")


class Meter:
    """Measures a stage from the moment its process was started, and the parts of that time.

    `begun` and all marks are readings of `time.monotonic`, which processes of one machine share.
    """

    def __init__(self, begun: float) -> None:
        self._begun = self._last = begun
        self._parts: dict[str, float] = {}

    def mark(self, part: str, at: float | None = None) -> None:
        """Record that a part of the stage ends now, or ended at a given time."""
        now = time.monotonic() if at is None else at
        self._parts[f"{part}_s"] = round(now - self._last, 3)
        self._last = now

    def read(self) -> dict[str, float]:
        """Return wall_s, its parts, cpu_s, peak_rss_mib and, on Linux, bytes_read, bytes_written.

        Child processes count once they have ended; the peak is the largest single process's. Bytes
        are those that the process read and wrote, cached or not.
        """
        times = os.times()
        cpu = times.user + times.system + times.children_user + times.children_system
        return {
            "wall_s": round(time.monotonic() - self._begun, 3),
            **self._parts,
            "cpu_s": round(cpu, 3),
            "peak_rss_mib": round(_peak_mib(), 1),
            **_bytes(),
        }


def write(used: Mapping[str, float], root: Path, name: str) -> None:
    """Write what a stage cost, and on which kind of processor, to metrics/cost/NAME.json."""
    content = {**used, PROCESSOR: processor.kind()}
    atomic.write_text(root / FOLDER / f"{name}.json", json.dumps(content, indent=2) + "\n")


def recorded(root: Path, name: str) -> dict[str, Any]:
    """Return what a stage cost when it ran last; empty where that is not recorded."""
    try:
        content = json.loads((root / FOLDER / f"{name}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def recorded_processor(root: Path, name: str) -> str | None:
    """Return the kind of processor that a stage ran on last, where that is recorded."""
    kind = recorded(root, name).get(PROCESSOR)
    return kind if isinstance(kind, str) else None


def _bytes() -> dict[str, int]:
    if not IO.exists():
        return {}
    counts = dict(line.split(": ") for line in IO.read_text().splitlines())
    return {"bytes_read": int(counts["rchar"]), "bytes_written": int(counts["wchar"])}


def _peak_mib() -> float:
    usages = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    peak = max(resource.getrusage(usage).ru_maxrss for usage in usages)
    return peak / (1024**2 if sys.platform == "darwin" else 1024)
