"""The branch of a challenger is checked before anything is trained."""

import subprocess
from pathlib import Path

import pytest

from headrace.errors import ProjectError
from headrace.retrain import branch


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit."""
    author = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    for words in (["init", "-q", "-b", "main"], ["commit", "-q", "--allow-empty", "-m", "Begin"]):
        subprocess.run(["git", *author, *words], cwd=tmp_path, check=True)
    return tmp_path


def test_a_free_branch_is_accepted(repository: Path) -> None:
    branch.require_free(repository, branch.branch_name("2013-12"))


@pytest.mark.parametrize("name", ["a..b", "x.lock", "a b"])
def test_a_name_that_git_refuses_is_refused_with_the_step(repository: Path, name: str) -> None:
    with pytest.raises(ProjectError, match=r"not a valid branch name.*Next: headrace ingest"):
        branch.require_free(repository, branch.branch_name(name))


@pytest.mark.parametrize(
    ("existing", "step"),
    [
        ("retrain/2013-12", "Next: look at it, or git branch -D retrain/2013-12"),
        ("retrain", "Next: git branch -m retrain ANOTHER-NAME"),
        ("retrain/2013-12/old", "Next: git branch -m retrain/2013-12/old ANOTHER-NAME"),
    ],
)
def test_a_branch_in_conflict_is_named_with_the_step(
    repository: Path, existing: str, step: str
) -> None:
    subprocess.run(["git", "branch", existing], cwd=repository, check=True)
    with pytest.raises(ProjectError, match=f"{existing} exists.*{step}"):
        branch.require_free(repository, "retrain/2013-12")


def test_an_uncommitted_change_is_refused(repository: Path) -> None:
    for name, text in (("user.name", "Ann"), ("user.email", "ann@example.org")):
        subprocess.run(["git", "config", name, text], cwd=repository, check=True)
    branch.require_clean(repository)
    (repository / "new.txt").write_text("x", "utf-8")
    with pytest.raises(ProjectError, match=r"is not committed\. Next: git status"):
        branch.require_clean(repository)
