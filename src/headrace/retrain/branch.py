"""The branch of a challenger: checked before anything is trained, and proposed in the end."""

import subprocess
from pathlib import Path

from headrace.core import git, identity
from headrace.errors import HeadraceError, ProjectError

PREFIX = "retrain"
TIMEOUT = 120
"""Seconds for `gh`."""


def branch_name(batch: str) -> str:
    """Return the branch of a challenger that is compared on a batch."""
    return f"{PREFIX}/{batch}"


def require_clean(root: Path) -> None:
    """Refuse a study in which a challenger could not be committed.

    Errors:
        ProjectError: git has no identity, or something is not committed.
    """
    identity.author(root, "a proposal")
    if git.is_dirty(root):
        raise ProjectError(
            "A challenger starts from the last commit, and something here is not committed."
            " Next: git status, and git commit"
        )


def require_free(root: Path, branch: str) -> None:
    """Refuse a branch that git cannot create.

    Errors:
        ProjectError: the name is not valid, or an existing branch conflicts with it.
    """
    try:
        git.run(root, "check-ref-format", "--branch", branch)
    except ProjectError:
        raise ProjectError(
            f"{branch} is not a valid branch name for git. Next: headrace ingest FILE --batch"
            " NAME, such as 2013-10, and retrain on that"
        ) from None
    for existing in _conflicts(root, branch):
        if existing == branch:
            raise ProjectError(
                f"The branch {branch} exists already. Next: look at it, or git branch -D {branch}"
            )
        raise ProjectError(
            f"The branch {existing} exists, and beside it git can have no {branch}."
            f" Next: git branch -m {existing} ANOTHER-NAME"
        )


def _conflicts(root: Path, branch: str) -> list[str]:
    """Return the branches of that name, and those that git could not store beside it."""
    # git keeps a branch as a file: one named `retrain` leaves no room for a folder `retrain/`.
    refs = [f"refs/heads/{name}" for name in (PREFIX, branch)]
    names = git.run(root, "for-each-ref", "--format=%(refname:lstrip=2)", *refs).splitlines()
    return [name for name in names if name == PREFIX or f"{name}/".startswith(f"{branch}/")]


def open_pull_request(root: Path, branch: str) -> str:
    """Push a branch, open a pull request with its report by `gh`, and return the address.

    Errors:
        HeadraceError: git or gh refused; the branch is kept.
    """
    try:
        git.run(root, "push", "--quiet", "--set-upstream", "origin", branch)
    except ProjectError as error:
        step = f"Next: git push --set-upstream origin {branch}, and open one by hand"
        raise HeadraceError(f"No pull request: {error}. {step}") from None
    report = git.run(root, "show", f"{branch}:./reports/{branch.replace('/', '-')}.md")
    command = ["gh", "pr", "create", "--head", branch, "--body-file", "-"]
    command += ["--title", f"Retrain: {branch.partition('/')[2]}"]
    try:
        result = subprocess.run(
            command,
            cwd=root,
            input=report,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise HeadraceError(f"No pull request: {error}. Next: open one by hand") from None
    if result.returncode:
        raise HeadraceError(f"No pull request: {result.stderr.strip()}. Next: open one by hand")
    return result.stdout.strip()
