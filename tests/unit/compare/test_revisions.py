"""Which two states are compared when nobody says, and what is said where there are none."""

import sys
from pathlib import Path

import pytest
from compared_study import Compared, M, change

from headrace.errors import ProjectError
from lab import bake


@pytest.fixture
def study(tmp_path: Path) -> Compared:
    """A study with one commit on main."""
    return Compared.make(tmp_path / "study", a=1)


def moved(study: Compared, *names: str) -> tuple[str, float | None, float | None]:
    report = study.report(*names, deep=False)
    metric = change(report, "a")
    return report.old.why, metric.old, metric.new


def test_on_main_the_last_commit_is_held_against_what_changed_since(study: Compared) -> None:
    study.metrics(a=2)
    assert moved(study) == ("the last commit", 1, 2)


def test_what_a_first_run_made_is_a_change_before_it_is_tracked(study: Compared) -> None:
    study.write("dvc.lock", "schema: '2.0'\nstages: {}\n")
    assert study.report().old.why == "the last commit"


def test_on_main_without_a_change_it_is_the_commit_before(study: Compared) -> None:
    study.metrics(a=2)
    study.commit()
    assert moved(study) == ("the commit before, since nothing has changed since the last", 1, 2)


def test_on_a_branch_it_is_where_the_branch_left_main(study: Compared) -> None:
    study.git("switch", "--quiet", "--create", "topic")
    for number in (2, 3):
        study.metrics(a=number)
        study.commit()
    study.git("switch", "--quiet", "main")
    study.metrics(a=9)
    study.commit("main goes on")
    study.git("switch", "--quiet", "topic")
    assert moved(study) == ("where this branch left main", 1, 3)


def test_a_detached_head_is_held_against_where_it_left_main(study: Compared) -> None:
    study.git("checkout", "--quiet", "--detach")
    study.metrics(a=2)
    study.commit()
    assert moved(study) == ("where this branch left main", 1, 2)


def test_a_main_branch_with_commits_to_push_is_still_the_main_branch(
    study: Compared, tmp_path: Path
) -> None:
    bake.run(tmp_path, "git", "clone", "--quiet", str(study.root), "clone")
    clone = Compared(tmp_path / "clone")
    for number in (2, 3):
        clone.metrics(a=number)
        clone.commit()
    assert moved(clone) == ("the commit before, since nothing has changed since the last", 2, 3)


def test_a_checkout_in_ci_that_has_but_the_remote_s_main_branch_is_held_against_it(
    study: Compared, tmp_path: Path
) -> None:
    bake.run(tmp_path, "git", "clone", "--quiet", str(study.root), "clone")
    clone = Compared(tmp_path / "clone")
    clone.git("checkout", "--quiet", "--detach")
    clone.git("remote", "set-head", "origin", "--delete")
    clone.git("branch", "--quiet", "--delete", "main")
    clone.metrics(a=2)
    clone.commit()
    assert moved(clone) == ("where this branch left origin/main", 1, 2)


def test_without_a_main_branch_the_last_commit_is_taken(study: Compared) -> None:
    study.git("branch", "--move", "main", "trunk")
    study.metrics(a=2)
    assert moved(study) == ("the last commit", 1, 2)


def test_two_revisions_are_compared_as_asked_and_the_working_tree_says_nothing(
    study: Compared,
) -> None:
    study.git("tag", "v1")
    study.metrics(a=2)
    study.commit()
    study.metrics(a=3)
    assert moved(study, "v1", "main") == ("as asked", 1, 2)
    assert moved(study, "main") == ("as asked", 2, 3)


def test_an_experiment_is_found_by_its_name(study: Compared) -> None:
    study.metrics(a=2)
    commit = study.commit("dvc: commit experiment")
    study.git("reset", "--quiet", "--hard", "HEAD~1")
    study.git("update-ref", f"refs/exps/ab/{commit}/fewer-rounds", commit)
    assert moved(study, "main", "fewer-rounds") == ("as asked", 1, 2)
    with pytest.raises(ProjectError, match=r"Did you mean fewer-rounds\? Next: "):
        study.report("fewer-round")


def test_a_study_in_a_folder_of_its_repository_is_read_from_there(tmp_path: Path) -> None:
    study = Compared.make(tmp_path / "repository/deep/study", a=1)
    (study.root / ".git").rename(tmp_path / "repository/.git")
    study.git("add", "--all", str(tmp_path / "repository"))
    study.git("commit", "--quiet", "--message", "Move")
    study.metrics(a=2)
    assert moved(study) == ("the last commit", 1, 2)
    study.git("commit", "--quiet", "--all", "--message", "Change")
    assert moved(study)[1:] == (1, 2)


def test_a_revision_that_is_not_there_is_named_with_the_nearest(study: Compared) -> None:
    study.git("branch", "fewer-rounds")
    for name in ("fewer-round", "--output=x", "a\nb", "HEAD~9", ""):
        with pytest.raises(ProjectError, match=r"git knows no revision .* Next: "):
            study.report(name)
    with pytest.raises(ProjectError, match=r"Did you mean fewer-rounds\?"):
        study.report("fewer-round")


def test_branches_without_a_common_ancestor_are_refused(study: Compared) -> None:
    study.git("switch", "--quiet", "--orphan", "alone")
    bake.run(study.root, "git", "checkout", "--quiet", "main", "--", ".")
    study.commit("Begin again")
    with pytest.raises(ProjectError, match=r"no common ancestor here\. Next: headrace diff A B"):
        study.report()


def test_a_shallow_clone_is_told_to_fetch_more(study: Compared, tmp_path: Path) -> None:
    study.git("switch", "--quiet", "--create", "topic")
    study.metrics(a=2)
    study.commit()
    study.git("switch", "--quiet", "main")
    study.metrics(a=3)
    study.commit("main goes on")
    words = ("--quiet", "--depth=1", "--no-single-branch", "--branch=topic")
    bake.run(tmp_path, "git", "clone", *words, f"file://{study.root}", "clone")
    clone = Compared(tmp_path / "clone")
    for names in ((), ("main~1",)):
        with pytest.raises(ProjectError, match=r"Next: git fetch --unshallow"):
            clone.report(*names)


def test_the_first_commit_has_nothing_to_be_compared_with(study: Compared) -> None:
    with pytest.raises(ProjectError, match=r"the first commit.* Next: change something"):
        study.report()


def test_without_a_commit_or_a_repository_the_next_step_is_said(
    study: Compared, tmp_path: Path
) -> None:
    git = study.root / ".git"
    git.rename(tmp_path / "away")
    result = study.diff(GIT_CEILING_DIRECTORIES=str(tmp_path))
    assert result.returncode == 1
    assert "Next: git init" in result.stdout
    bake.run(study.root, "git", "init", "--quiet")
    result = study.diff()
    assert result.returncode == 1
    assert "There is no commit to compare with. Next: git add" in result.stdout
    assert "Traceback" not in result.stdout


def test_without_git_one_is_told_to_install_it(study: Compared) -> None:
    result = study.diff(PATH=str(Path(sys.executable).parent))
    assert result.returncode == 1
    assert result.stdout == "\ngit is not installed. Next: install git\n\n"


def test_comparing_touches_nothing(study: Compared) -> None:
    study.metrics(a=2)
    before = {path: path.read_bytes() for path in study.root.rglob("*") if path.is_file()}
    assert study.diff().returncode == 0
    assert study.diff("HEAD", "HEAD").returncode == 0
    assert before == {path: path.read_bytes() for path in study.root.rglob("*") if path.is_file()}
    assert (study.root / M).exists()
