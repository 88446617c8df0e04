"""The branch of a challenger: whether there can be one is known before anything is trained."""

from pathlib import Path

from headrace.core import git, identity
from headrace.errors import ProjectError

PREFIX = "retrain"


def name(batch: str) -> str:
    """Return the branch of a challenger that is judged on a batch."""
    return f"{PREFIX}/{batch}"


def refuse_touched(root: Path) -> None:
    """Stop where what comes of it could not be committed.

    Errors:
        ProjectError: git does not know who commits, or something is not committed.
    """
    identity.author(root, "a proposal")
    if git.is_dirty(root):
        raise ProjectError(
            "A challenger starts from the last commit, and something here is not committed."
            " Next: git status, and git commit"
        )


def refuse_taken(root: Path, branch: str) -> None:
    """Stop where git would not take a branch of this name.

    Errors:
        ProjectError: it is no name of a branch, or another branch is in its way.
    """
    try:
        git.run(root, "check-ref-format", "--branch", branch)
    except ProjectError:
        raise ProjectError(
            f"{branch} is no name that git has for a branch. Next: headrace ingest FILE --batch"
            " NAME, such as 2013-10, and retrain on that"
        ) from None
    for one in _in_the_way(root, branch):
        if one == branch:
            raise ProjectError(
                f"There is a branch {one} already. Next: look at it, or git branch -D {one}"
            )
        raise ProjectError(
            f"There is a branch {one}, and beside it git can have no {branch}."
            f" Next: git branch -m {one} ANOTHER-NAME"
        )


def _in_the_way(root: Path, branch: str) -> list[str]:
    """Return the branches of that name, of a part that it begins with, or that begin with it."""
    asked = [f"refs/heads/{one}" for one in (PREFIX, branch)]
    said = git.run(root, "for-each-ref", "--format=%(refname:lstrip=2)", *asked)
    return [one for one in said.splitlines() if one == PREFIX or f"{one}/".startswith(f"{branch}/")]
