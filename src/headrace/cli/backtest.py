"""`headrace backtest`: run the stages of backtest/dvc.yaml, and show their result.

The study's .dvcignore hides that file from DVC, so `dvc status` does not list what nobody asked to
run. Here DVC reads the file all the same, and no file of the study changes.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from headrace.core.pipeline import BACKTEST
from headrace.core.project import Project
from headrace.errors import ProjectError
from headrace.lint import command
from headrace.report import metrics_table

RESULT, PICTURE = "metrics/backtest.json", "plots/backtest.svg"
LOCK = ".headrace/backtest.lock"


def run(project: Project) -> int:
    """Run the stages that are not up to date, print the table, and return DVC's exit code.

    Errors:
        ProjectError: the study has no backtest/dvc.yaml, or its backtest is running.
    """
    if BACKTEST not in project.pipelines:
        raise ProjectError(
            f"There is no {BACKTEST}, so no backtest can run."
            f" Next: git checkout HEAD {BACKTEST}, or copy it from a new study"
        )
    if code := command.check(project, ["repro"], staged=False):
        return code
    sys.stdout.flush()
    with _lock(project.root):
        code = _repro(project.root)
    if code:
        return code
    print(f"\n{RESULT}, in dollars\n{metrics_table.show(project.root / RESULT)}")
    print(f"\nThe plot is {PICTURE}. Next: git add both, and backtest/dvc.lock, and commit them")
    return 0


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


def _repro(root: Path) -> int:
    """Run `dvc repro backtest/dvc.yaml` in this process, with the file that is hidden from DVC.

    DVC has no option for that: `!backtest/dvc.yaml` is added to the study's .dvcignore as DVC reads
    it. A .dvcignore beside the file would do so too, but would stay where this process is killed.
    """
    from dvc.cli import main
    from dvc.ignore import DvcIgnorePatterns

    read: Any = DvcIgnorePatterns.from_file

    def with_backtest(path: str, fs: Any, name: str) -> Any:
        patterns = read(path, fs, name)
        if Path(path) != root / ".dvcignore":
            return patterns
        lines = [*patterns.pattern_list, f"!/{BACKTEST}"]
        return DvcIgnorePatterns(lines, patterns.dirname, patterns.sep)

    os.chdir(root)
    DvcIgnorePatterns.from_file = with_backtest
    try:
        return int(main(["repro", BACKTEST]))
    finally:
        DvcIgnorePatterns.from_file = read
