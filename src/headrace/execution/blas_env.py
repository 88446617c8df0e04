"""What changes the bytes of a result: threads and BLAS kernel, set before anything is imported."""

from collections.abc import Mapping
from typing import Any

from headrace.core import cpu

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
    variables = dict.fromkeys(THREADS, str(compute.get("threads", 1))) | WAITING
    kernel = compute.get("blas_kernel")
    if kernel and "avx2" in cpu.flags():
        variables["OPENBLAS_CORETYPE"] = str(kernel)
    return variables
