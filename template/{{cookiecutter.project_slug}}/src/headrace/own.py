"""Each project runs its own headrace, whichever tree the environment points at."""

import os
import sys
from pathlib import Path

from headrace.project import Project


def use_code(found: Project) -> None:
    """Start again with the project's own headrace, where this one is another tree's.

    An editable install points at one tree; a clone, or a copy that `dvc exp run --temp` made, must
    run its own code.
    """
    own = found.source / "headrace"
    if own.is_dir() and own.resolve() != Path(__file__).resolve().parent:
        path = os.pathsep.join(filter(None, [str(found.source), os.environ.get("PYTHONPATH")]))
        sys.stdout.flush()
        os.execve(  # the same interpreter, with the same words
            sys.executable,
            [sys.executable, "-m", "headrace", *sys.argv[1:]],
            os.environ | {"PYTHONPATH": path},
        )
