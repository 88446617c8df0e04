"""`headrace backtest`: run the stages of backtest/dvc.yaml, and show their result.

The study's .dvcignore hides that file from DVC, so `dvc status` does not list what nobody asked to
run. While the backtest runs, a second .dvcignore beside it makes it visible again.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.core.pipeline import BACKTEST
from headrace.core.project import Project
from headrace.errors import ProjectError
from headrace.lint import command
from headrace.report import metrics_table

RESULT, PICTURE = "metrics/backtest.json", "plots/backtest.svg"
VISIBLE = "!dvc.yaml\n"


def run(project: Project) -> int:
    """Run the stages that are not up to date, print the table, and return DVC's exit code.

    Errors:
        ProjectError: the study has no backtest/dvc.yaml.
    """
    if BACKTEST not in project.pipelines:
        raise ProjectError(
            f"There is no {BACKTEST}, so no backtest can run."
            f" Next: git checkout HEAD {BACKTEST}, or copy it from a new study"
        )
    if code := command.check(project, ["repro"], staged=False):
        return code
    sys.stdout.flush()
    with _visible_to_dvc(project.root / BACKTEST):
        dvc = [sys.executable, "-m", "dvc", "repro", BACKTEST]
        code = subprocess.run(dvc, cwd=project.root, check=False).returncode
    if code:
        return code
    print(f"\n{RESULT}, in dollars\n{metrics_table.show(project.root / RESULT)}")
    print(f"\nThe plot is {PICTURE}. Next: git add both, and backtest/dvc.lock, and commit them")
    return 0


@contextmanager
def _visible_to_dvc(pipeline_file: Path) -> Iterator[None]:
    """Let DVC read a file that the study's .dvcignore names; a .dvcignore of the user's stays."""
    ignore_file = pipeline_file.with_name(".dvcignore")
    ours = not ignore_file.exists() or ignore_file.read_text("utf-8") == VISIBLE
    if ours:
        ignore_file.write_text(VISIBLE, "utf-8")
    try:
        yield
    finally:
        if ours:
            ignore_file.unlink(missing_ok=True)
