"""Environment variables that change the bytes of a result, set before Python starts or imports."""

import os
from collections.abc import Mapping
from typing import Any

from headrace.core import atomic, cpu, param_files
from headrace.core.project import Project
from headrace.core.stage import Stage
from headrace.execution import isolation

INLINE = "module://matplotlib_inline.backend_inline"
"""The backend that shows figures in a notebook. Set before the study's own modules are imported:
matplotlib reads the variable once."""

PINNED = {
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "SOURCE_DATE_EPOCH": "0",  # the date in a figure's metadata
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # no process with a thread may be forked
}
"""Variables that would change the bytes of a result from one user or day to the next."""

MATPLOTLIBRC = "svg.hashsalt: headrace\n"
"""Matplotlib's defaults, with fixed names in an SVG instead of random ones."""

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)

WAITING = {"GOMP_SPINCOUNT": "1000"}
"""A thread of GNU OpenMP spins as briefly before it sleeps as libgomp chooses for more threads than
processors: it cannot know of a second stage that runs beside this one."""


def compute_variables(compute: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment variables that carry out the `compute` block of params.yaml."""
    variables = dict.fromkeys(THREADS, str(compute.get("threads", 1))) | WAITING
    kernel = compute.get("blas_kernel")
    if kernel and "avx2" in cpu.flags():
        variables["OPENBLAS_CORETYPE"] = str(kernel)
    return variables


def of_run(project: Project, stage: Stage, outer: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a stage's run: `of_stage`, and what its `compute` asks for.

    Errors:
        ProjectError: params.yaml cannot be read.
    """
    compute = param_files.compute_of(stage, project.read)
    return of_stage(project, outer) | compute_variables(compute)


def of_stage(project: Project, outer: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a stage: the user's, with the variables that change results set.

    IPython and matplotlib read the project's configuration, not the user's; a `matplotlibrc` in
    the study counts. In a clean room the variables that the room sets stay: `headrace verify`
    reports a result that depends on them.
    """
    inner = {name: value for name, value in outer.items() if not name.startswith("LC_")}
    pinned = PINNED | (isolation.room_variables(outer) if isolation.active() else {})
    for name in ("JUPYTER_PATH", "LANGUAGE", "COLUMNS", "LINES"):
        inner.pop(name, None)
    source, paths = str(project.source), outer.get("PYTHONPATH", "").split(os.pathsep)
    path = os.pathsep.join([source, *(entry for entry in paths if entry not in ("", source))])
    ipython, matplotlibrc = (
        project.root / ".headrace" / name for name in ("ipython", "matplotlibrc")
    )
    ipython.mkdir(parents=True, exist_ok=True)
    atomic.write_text(matplotlibrc, MATPLOTLIBRC)
    configured = {"PYTHONPATH": path, "IPYTHONDIR": str(ipython), "MATPLOTLIBRC": str(matplotlibrc)}
    configured["MPLBACKEND"] = INLINE
    return inner | pinned | configured
