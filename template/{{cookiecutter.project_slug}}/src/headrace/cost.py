"""What a stage costs: seconds, memory and bytes, of this process and the ones it started."""

import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

IO = Path("/proc/self/io")


@dataclass(frozen=True)
class Meter:
    """The readings at the start; `read` returns what has been used since."""

    wall: float
    cpu: float
    io: dict[str, int]

    def read(self) -> dict[str, float]:
        """Return wall_s, cpu_s, peak_rss_mib and, on Linux, bytes_read and bytes_written.

        Child processes count once they have ended; the peak is the largest single process's.
        """
        now = start()
        used = {
            "wall_s": round(now.wall - self.wall, 3),
            "cpu_s": round(now.cpu - self.cpu, 3),
            "peak_rss_mib": round(_peak_mib(), 1),
        }
        return used | {name: count - self.io[name] for name, count in now.io.items()}


def start() -> Meter:
    """Take the readings now."""
    times = os.times()
    cpu = times.user + times.system + times.children_user + times.children_system
    return Meter(time.perf_counter(), cpu, _io())


def _io() -> dict[str, int]:
    """Return what has been read and written by calls, cached or not; ended children included."""
    if not IO.exists():
        return {}
    counts = dict(line.split(": ") for line in IO.read_text().splitlines())
    return {"bytes_read": int(counts["rchar"]), "bytes_written": int(counts["wchar"])}


def _peak_mib() -> float:
    usages = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    peak = max(resource.getrusage(who).ru_maxrss for who in usages)
    return peak / (1024**2 if sys.platform == "darwin" else 1024)
