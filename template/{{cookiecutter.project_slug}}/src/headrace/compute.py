"""What changes the bytes of a result: threads and BLAS kernel, set before anything is imported."""

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)

WAITING = {"GOMP_SPINCOUNT": "1000"}
"""How long a thread of GNU OpenMP spins before it sleeps: as short as libgomp itself chooses when a
process has more threads than processors. It cannot know of a second stage that runs beside it."""


def environment(compute: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment variables that carry out the `compute` block of params.yaml."""
    threads = dict.fromkeys(THREADS, str(compute.get("threads", 1)))
    kernel = compute.get("blas_kernel")
    return (
        threads | WAITING | ({"OPENBLAS_CORETYPE": str(kernel)} if kernel and _has_avx2() else {})
    )


def _has_avx2() -> bool:
    """Tell whether this is an x86-64 processor with AVX2; where nobody can tell, it is not."""
    info = Path("/proc/cpuinfo")
    if platform.machine() not in ("x86_64", "AMD64") or not info.exists():
        return False
    return " avx2 " in info.read_text().replace("\n", " ")
