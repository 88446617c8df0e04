"""The environment of a clean room, which differs from the user's: no result may depend on it."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

INHERITED = (
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PYTHONPYCACHEPREFIX",
)
"""Paths of programs and libraries: the only variables that a clean room inherits."""

LANGUAGES = ("de_DE.utf8", "fr_FR.utf8", "tr_TR.utf8", "en_US.utf8")
SHOWN = ("PYTHONHASHSEED", "TZ", "LANG", "OMP_NUM_THREADS")
"""The variables that a certificate lists."""

FAR_EAST, FAR_WEST = "<+14>-14", "<-12>+12"
"""Time zones in POSIX notation, which needs no time zone database."""


@dataclass(frozen=True)
class Environment:
    """The environment of a stage; `cpus` are the processors that it may use."""

    variables: Mapping[str, str]
    umask: int
    cpus: tuple[int, ...]


def make(home: Path, temporary: Path, cpus: Sequence[int], *, threads: int) -> Environment:
    """Return the environment for a room with this home and temporary folder, on these processors.

    `threads` is the number in params.yaml; OMP_NUM_THREADS is another, which a stage must ignore.
    """
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    path = os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)])
    folders = {"PATH": path, "HOME": str(home), "TMPDIR": str(temporary)}
    count = {"PYTHON_CPU_COUNT": str(len(cpus))} if cpus else {}
    variables = inherited | folders | perturb_environment(threads) | count
    return Environment(variables, umask=_other_umask(), cpus=(*cpus,))


@cache
def perturb_environment(threads: int) -> dict[str, str]:
    """Return the variables that differ from the user's; the same in all rooms of one run."""
    language = _language()
    return {
        "PYTHONHASHSEED": "1",
        "TZ": _zone(datetime.now(UTC).hour),
        "LANG": language,
        "LC_ALL": language,
        "OMP_NUM_THREADS": str(threads + 1),  # what params.yaml says must win
        "HEADRACE_PRELOAD": "0",  # a fork would inherit the hash seed
        "PYTHONNOUSERSITE": "1",  # packages in the user's home are in no lock
        "DO_NOT_TRACK": "1",
    }


def processors() -> list[int]:
    """Return the processors that this process may use; empty where the system cannot tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def shares(jobs: int) -> list[tuple[int, ...]]:
    """Divide this process's processors among jobs: each gets at least one, and none gets all.

    With a single processor each share is empty: no affinity is set.
    """
    available = processors()
    if len(available) < 2:
        return [()] * jobs
    size = max(1, min(len(available) // jobs, len(available) - 1))
    starts = (job * size % (len(available) - size + 1) for job in range(jobs))
    return [tuple(available[start : start + size]) for start in starts]


def _zone(hour: int) -> str:
    """Return a time zone in which the date differs from UTC now."""
    return FAR_EAST if hour >= 10 else FAR_WEST


def _language() -> str:
    """Return an installed locale other than the stages' own, or else POSIX."""
    try:
        command = ["locale", "-a"]
        listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return "POSIX"
    installed = {name.lower().replace("-", ""): name for name in listed.split()}
    names = (installed[name.lower()] for name in LANGUAGES if name.lower() in installed)
    return next(names, "POSIX")


def _other_umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return 0o077 if current != 0o077 else 0o022


def describe(jobs: int, threads: int) -> dict[str, object]:
    """Return how the rooms differ, for the certificate."""
    share = shares(jobs)[0]
    return {
        "path": "a temporary folder",
        "home": "empty",
        "variables": f"only {', '.join(INHERITED)}",
        **{name: text for name, text in perturb_environment(threads).items() if name in SHOWN},
        "umask": f"{_other_umask():03o}",
        "cpus": len(share) if share else "as they are: there is one, or the system cannot",
    }
