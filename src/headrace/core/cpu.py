"""The kind of processor: libraries choose by its features how they calculate."""

import platform
from functools import cache
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
LEVELS = {
    "x86-64-v2": {"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"},
    "x86-64-v3": {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"},
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}
"""The levels of the x86-64 psABI, each with what it adds to the one before."""


@cache
def kind() -> str:
    """Return the kind of this processor, such as "x86-64-v3", or "arm64".

    The last bits of a floating-point sum may differ between two kinds. A processor whose features
    are unknown is of the base kind of its architecture.
    """
    machine = platform.machine()
    if machine not in ("x86_64", "AMD64"):
        return {"aarch64": "arm64"}.get(machine, machine)
    highest, available = "x86-64", flags()
    for level, needed in LEVELS.items():
        if not needed <= available:  # a level holds all that the ones below it do
            break
        highest = level
    return highest


@cache
def flags() -> frozenset[str]:
    """Return the processor's features on Linux; none on another system."""
    if not CPUINFO.exists():
        return frozenset()
    # The processors of one machine are taken to be alike: the first one stands for all.
    lines = CPUINFO.read_text("utf-8", "replace").splitlines()
    return frozenset(next((line for line in lines if line.startswith("flags")), "").split())
