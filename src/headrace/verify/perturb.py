"""Another world than the one a study was made in: what differs there must change no result."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

KEPT = (
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PYTHONPYCACHEPREFIX",
)
"""Where programs and libraries are. No other variable of the user's reaches a clean room."""

LANGUAGES = ("de_DE.utf8", "fr_FR.utf8", "tr_TR.utf8", "en_US.utf8")
SHOWN = ("PYTHONHASHSEED", "TZ", "LANG", "OMP_NUM_THREADS")
"""The variables that a certificate names."""

FAR_EAST, FAR_WEST = "<+14>-14", "<-12>+12"
"""Time zones as POSIX writes them, which need no table of zones."""


@dataclass(frozen=True)
class World:
    """What a stage meets in its clean room; `cpus` are the processors it may use."""

    variables: Mapping[str, str]
    umask: int
    cpus: tuple[int, ...]


def make(home: Path, temporary: Path, cpus: Sequence[int], *, threads: int) -> World:
    """Return a world with its own home and temporary folder, on these processors.

    `threads` is what the study's parameters ask for; the environment says another number, which a
    stage must not follow.
    """
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    own = {"PATH": path, "HOME": str(home), "TMPDIR": str(temporary)}
    return World(kept | own | perturbed(threads) | _seen(cpus), umask=_other_umask(), cpus=(*cpus,))


@cache
def perturbed(threads: int) -> dict[str, str]:
    """Return the variables that are another's in every room; in one run always the same."""
    language = _language()
    return {
        "PYTHONHASHSEED": "1",
        "TZ": _zone(datetime.now(UTC).hour),
        "LANG": language,
        "LC_ALL": language,
        "OMP_NUM_THREADS": str(threads + 1),
        "HEADRACE_PRELOAD": "0",  # a fork would inherit the hash seed
        "PYTHONNOUSERSITE": "1",
        "DO_NOT_TRACK": "1",
    }


def _seen(cpus: Sequence[int]) -> dict[str, str]:
    return {"PYTHON_CPU_COUNT": str(len(cpus))} if cpus else {}


def processors() -> list[int]:
    """Return the processors that this process may use; none where the system cannot say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def shares(jobs: int) -> list[tuple[int, ...]]:
    """Divide this process's processors among jobs: each gets some, and none gets all.

    Where there is but one processor nobody can be given fewer, and each share is empty.
    """
    mine = processors()
    if len(mine) < 2:
        return [()] * jobs
    size = max(1, min(len(mine) // jobs, len(mine) - 1))
    starts = (job * size % (len(mine) - size + 1) for job in range(jobs))
    return [tuple(mine[start : start + size]) for start in starts]


def _zone(hour: int) -> str:
    """Return a zone in which it is another day now than in UTC: a date is a time stamp too."""
    return FAR_EAST if hour >= 10 else FAR_WEST


def _language() -> str:
    """Return a language that is installed and not the stages' own, or else plain POSIX."""
    try:
        command = ["locale", "-a"]
        listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return "POSIX"
    known = {name.lower().replace("-", ""): name for name in listed.split()}
    return next((known[name.lower()] for name in LANGUAGES if name.lower() in known), "POSIX")


def _other_umask() -> int:
    mine = os.umask(0o077)
    os.umask(mine)
    return 0o077 if mine != 0o077 else 0o022


def describe(jobs: int, threads: int) -> dict[str, object]:
    """Return what is different in the rooms, for the certificate."""
    each = shares(jobs)[0]
    return {
        "path": "a temporary folder",
        "home": "empty",
        "variables": f"only {', '.join(KEPT)}",
        **{name: text for name, text in perturbed(threads).items() if name in SHOWN},
        "umask": f"{_other_umask():03o}",
        "cpus": len(each) if each else "as they are: there is one, or the system cannot",
    }
