"""Which kind of processor this is: by what it can do, libraries choose how they calculate."""

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

    The last bits of a floating-point sum may differ between two kinds. Where nobody can tell what
    a processor can do, it is of the plain kind of its machine.
    """
    machine = platform.machine()
    if machine not in ("x86_64", "AMD64"):
        return {"aarch64": "arm64"}.get(machine, machine)
    found, known = "x86-64", flags()
    for level, needed in LEVELS.items():
        if not needed <= known:
            break
        found = level
    return found


@cache
def flags() -> frozenset[str]:
    """Return what Linux says that the processor can do; nothing on another system."""
    if not CPUINFO.exists():
        return frozenset()
    lines = CPUINFO.read_text("utf-8", "replace").splitlines()
    return frozenset(next((line for line in lines if line.startswith("flags")), "").split())
