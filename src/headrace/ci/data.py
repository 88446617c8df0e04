"""What DVC's remote has of the commit at hand, and of the one that it is compared with."""

import subprocess
import sys

from headrace.core import dvc_cache
from headrace.core.project import Project
from headrace.errors import DataError


def fetch(project: Project, base: str) -> bool:
    """Pull what the remote has; what it lacks, or that nobody answers, stops nothing.

    What is not there is made again from its sources. Always returns true.
    """
    if not dvc_cache.remotes(project.root):
        print(
            "This study has no DVC remote: what no cache holds is made again, from its sources."
            " Next, to share it: dvc remote add --default NAME URL, and dvc push"
        )
        return True
    pull = [sys.executable, "-m", "dvc", "pull"]  # this environment's, whatever the PATH says
    done = subprocess.run(pull, cwd=project.root, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        print("DVC's remote did not give all of it; what lacks is made again, from its sources.")
    if base:
        _fetch_other(project, base)
    return True


def _fetch_other(project: Project, base: str) -> None:
    """Fetch what the other commit made, into the cache: what changed is read from it by hash."""
    try:
        dvc_cache.fetch_all(project.root, base)
    except DataError as error:
        print(f"{error}. The comparison goes on without.")
