"""A proposal as a pull request, by git and GitHub's `gh`."""

import subprocess
from pathlib import Path

from headrace.core import git
from headrace.errors import HeadraceError, ProjectError

SECONDS = 120


def open(root: Path, branch: str) -> str:
    """Push a branch and open a pull request for it, with its report; return its address.

    Errors:
        HeadraceError: git or gh refused; the branch is there still.
    """
    try:
        git.run(root, "push", "--quiet", "--set-upstream", "origin", branch)
    except ProjectError as error:
        step = f"Next: git push --set-upstream origin {branch}, and open one by hand"
        raise HeadraceError(f"No pull request: {error}. {step}") from None
    report = git.run(root, "show", f"{branch}:./reports/{branch.replace('/', '-')}.md")
    words = ["pr", "create", "--head", branch, "--title", f"Retrain: {branch.partition('/')[2]}"]
    try:
        done = subprocess.run(
            ["gh", *words, "--body-file", "-"],
            cwd=root,
            input=report,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise HeadraceError(f"No pull request: {error}. Next: open one by hand") from None
    if done.returncode:
        raise HeadraceError(f"No pull request: {done.stderr.strip()}. Next: open one by hand")
    return done.stdout.strip()
