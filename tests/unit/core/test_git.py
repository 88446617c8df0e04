"""What is asked of git changes nothing in it, and is what git itself would say."""

import os
from pathlib import Path

import pytest

from headrace.core import git
from headrace.errors import ProjectError
from lab import bake


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit of two files."""
    root = tmp_path / "repository"
    root.mkdir()
    (root / "a").write_text("a1")
    (root / "b c").write_text("b1")
    bake.commit(root)
    return root


def test_the_tree_of_the_working_tree_is_the_one_that_a_commit_makes(
    repository: Path, tmp_path: Path
) -> None:
    (repository / "a").write_text("another")
    (repository / "new").write_text("untracked")
    (repository / "b c").unlink()
    objects = tmp_path / "objects"
    objects.mkdir()
    before = {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}
    tree = git.working_tree(repository, objects)
    assert before == {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}
    git.export_tree(repository, tree, tmp_path / "out", objects)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]
    bake.run(repository, "git", *bake.IDENTITY, "commit", "--quiet", "-am", "Change")
    assert git.head_tree(repository) == tree


def test_a_change_of_the_same_size_at_the_time_of_the_index_is_seen(
    repository: Path, tmp_path: Path
) -> None:
    objects = tmp_path / "objects"
    objects.mkdir()
    index = (repository / ".git/index").stat()
    before = (repository / "a").stat()
    (repository / "a").write_text("a2")
    for path in (repository / "a", repository / ".git/index"):  # as fast machines do it
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert git.working_tree(repository, objects) != git.head_tree(repository), index


def test_a_checkout_holds_what_was_committed_and_not_what_lies_there(
    repository: Path, tmp_path: Path
) -> None:
    (repository / "a").write_text("later")
    out = tmp_path / "out"
    out.mkdir()
    git.export_tree(repository, git.head_tree(repository), out)
    assert {path.name: path.read_text() for path in out.iterdir()} == {"a": "a1", "b c": "b1"}
    assert git.changed_files(repository) == ["a"]
    assert git.tracked(repository) == ["a", "b c"]


def test_a_folder_without_a_commit_is_refused_with_the_next_step(tmp_path: Path) -> None:
    assert not git.is_repository(tmp_path)
    with pytest.raises(ProjectError, match="Next: git add"):
        git.head_tree(tmp_path)
    with pytest.raises(ProjectError, match="git ls-files: fatal: not a git repository"):
        git.tracked(tmp_path)
