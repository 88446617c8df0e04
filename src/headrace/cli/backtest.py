"""`headrace backtest`: run the stages that play the past back, and show what it came to."""

import subprocess
import sys

from headrace.core.project import Project
from headrace.errors import ProjectError
from headrace.lint import command
from headrace.report import metrics_table

FILE = "backtest/dvc.yaml"
RESULT, PICTURE = "metrics/backtest.json", "plots/backtest.svg"


def run(project: Project) -> int:
    """Run what is not up to date, as `dvc repro` would, then print the table; return DVC's code.

    Errors:
        ProjectError: the study has no such pipeline.
    """
    if FILE not in project.pipelines:
        raise ProjectError(
            f"There is no {FILE}, so nothing can be played back."
            f" Next: git checkout HEAD {FILE}, or take it from a new study"
        )
    if code := command.run(project, ["repro"], staged=False):
        return code
    sys.stdout.flush()
    words = [sys.executable, "-m", "dvc", "repro", FILE]
    if code := subprocess.run(words, cwd=project.root, check=False).returncode:
        return code
    print(f"\n{RESULT}, in dollars\n{metrics_table.show(project.root / RESULT)}")
    print(f"\nThe picture is {PICTURE}. Both lie in git: commit them with backtest/dvc.lock.")
    return 0
