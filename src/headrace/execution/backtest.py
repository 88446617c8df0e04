"""Run the stages of backtest/dvc.yaml, which the study's .dvcignore hides from DVC.

It is hidden so that `dvc status` does not list what nobody asked to run. Here DVC reads the file
all the same, and no file of the study changes.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from headrace.core import attributes
from headrace.core.project import Project
from headrace.core.stage import BACKTEST
from headrace.errors import HeadraceError, ProjectError

LOCK = ".headrace/backtest.lock"


def require(project: Project) -> None:
    """Refuse a study without a backtest.

    Errors:
        ProjectError: the study has no backtest/dvc.yaml.
    """
    if BACKTEST not in project.pipelines:
        raise ProjectError(
            f"There is no {BACKTEST}, so no backtest can run."
            f" Next: git checkout HEAD {BACKTEST}, or copy it from a new study"
        )


def repro(root: Path) -> int:
    """Run the stages that are not up to date; return DVC's exit code.

    Errors:
        ProjectError: the study's backtest is running.
        HeadraceError: the installed DVC reads .dvcignore in another way.
    """
    from dvc.cli import main

    sys.stdout.flush()
    with _lock(root), _shown_to_dvc(root):
        os.chdir(root)
        return int(main(["repro", BACKTEST]))


@contextmanager
def _lock(root: Path) -> Iterator[None]:
    """Let one backtest of a study run at a time; the system frees the lock of a killed one."""
    path = root / LOCK
    path.parent.mkdir(exist_ok=True)
    try:
        with FileLock(path, timeout=0):
            yield
    except Timeout:
        raise ProjectError(
            "Another backtest of this study is running. Next: wait until it has ended"
        ) from None


@contextmanager
def _shown_to_dvc(root: Path) -> Iterator[None]:
    """Add `!/backtest/dvc.yaml` to the study's .dvcignore as DVC reads it, in this process.

    DVC has no option for that. A .dvcignore beside the file would do so too, but would stay where
    this process is killed.
    """
    from dvc.ignore import DvcIgnorePatterns

    read: Any = getattr(DvcIgnorePatterns, "from_file", None)
    if read is None:
        raise HeadraceError(
            "The installed DVC reads .dvcignore in a way that `headrace backtest` does not know."
            " Next: make setup, which installs the DVC of requirements.lock"
        )

    def with_backtest(path: str, fs: Any, name: str) -> Any:
        patterns = read(path, fs, name)
        if Path(path) != root / ".dvcignore":
            return patterns
        lines = [*patterns.pattern_list, f"!/{BACKTEST}"]
        return DvcIgnorePatterns(lines, patterns.dirname, patterns.sep)

    with attributes.replaced(DvcIgnorePatterns, "from_file", with_backtest):
        yield
