"""`headrace hook` has git check each commit: what it will hold, and nothing else."""

from pathlib import Path
from subprocess import CompletedProcess

import pytest
from clean_study import NOTEBOOK, Tidy
from mini_study import Mini, cell, notebook

from lab import bake

ENVIRONMENT = bake.environment(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null")


@pytest.fixture
def tidy(tmp_path: Path) -> Tidy:
    """A study without a finding, under git, whose commits are checked."""
    study = Tidy(tmp_path / "a study's")
    _commit(study.root)
    assert study.run("hook").stdout.endswith(
        "pre-commit: installed; git checks each commit with it\n"
    )
    return study


def _commit(folder: Path, *words: str) -> CompletedProcess[str]:
    command = ("git", *bake.IDENTITY, "commit", "--message", "Work", *words)
    return bake.run(folder, *command, check=False, env=ENVIRONMENT)


def _git(folder: Path, *words: str) -> str:
    return bake.run(folder, "git", *words, env=ENVIRONMENT).stdout


def _spoil(study: Tidy) -> None:
    study.code("def f():\n    pass")


def test_a_commit_without_a_finding_goes_through(tidy: Tidy) -> None:
    tidy.code("1 + 1")
    result = _commit(tidy.root, "--all")
    assert result.returncode == 0, result.stdout
    assert " passed." in result.stdout
    assert _git(tidy.root, "status", "--porcelain") == ""


@pytest.mark.parametrize("words", [[], ["--all"], ["--", NOTEBOOK]], ids=["index", "all", "path"])
def test_a_commit_with_a_finding_is_refused(tidy: Tidy, words: list[str]) -> None:
    _spoil(tidy)
    if not words:
        tidy.add()
    before = _git(tidy.root, "rev-parse", "HEAD")
    result = _commit(tidy.root, *words)
    assert result.returncode == 1
    assert f"{NOTEBOOK}:cell 6:1: f is defined in a notebook" in result.stdout
    assert _git(tidy.root, "rev-parse", "HEAD") == before


def test_a_file_outside_of_the_commit_does_not_hinder_it(tidy: Tidy) -> None:
    tidy.write("params.yaml", (tidy.root / "params.yaml").read_text().replace("20", "30"))
    tidy.add()
    _spoil(tidy)
    tidy.write("notebooks/02_new.ipynb", notebook(cell("1")))
    assert _commit(tidy.root).returncode == 0
    assert "def f" in (tidy.root / NOTEBOOK).read_text()


def test_a_fix_that_is_not_staged_does_not_count(tidy: Tidy) -> None:
    _spoil(tidy)
    tidy.add()
    tidy.code()
    assert _commit(tidy.root).returncode == 1


def test_a_commit_of_a_path_is_checked_without_what_is_staged_beside_it(tidy: Tidy) -> None:
    _spoil(tidy)
    tidy.add()
    tidy.write("notes.md", "# Notes\n")
    _git(tidy.root, "add", "notes.md")
    assert _commit(tidy.root, "--", "notes.md").returncode == 0
    assert _commit(tidy.root).returncode == 1


def test_a_secret_in_a_commit_is_refused(tidy: Tidy) -> None:
    tidy.write("notes.md", "AKIA" + "IOSFODNN7EXAMPLE")
    tidy.add()
    assert "notes.md:1: Possible secret (AWS Access Key)" in _commit(tidy.root).stdout


def test_neither_the_environment_nor_data_are_part_of_a_commit(tidy: Tidy) -> None:
    tidy.lock()
    tidy.add()
    assert _commit(tidy.root).returncode == 0
    tidy.write("requirements.lock", "numpy==0.1\n")
    tidy.write("data/table.csv", "others\n")
    tidy.add()
    printed = _commit(tidy.root).stdout
    assert "[environment]" not in printed
    assert "requirements.lock changed" in printed  # a commit's dvc.lock belongs to its code
    assert "data/table.csv changed" not in printed


def test_a_staged_check_leaves_the_repository_as_it_is(tidy: Tidy) -> None:
    _spoil(tidy)
    tidy.add()
    index = (tidy.root / ".git/index").read_bytes()
    objects = sorted((tidy.root / ".git/objects").rglob("*"))
    assert tidy.run("check", "--staged").returncode == 1
    assert (tidy.root / ".git/index").read_bytes() == index
    assert sorted((tidy.root / ".git/objects").rglob("*")) == objects


def test_a_study_in_a_folder_of_its_repository_is_checked_there(tmp_path: Path) -> None:
    _git(tmp_path, "init", "--quiet")
    study = Tidy(tmp_path / "work/study")
    bake.run(study.root, "rm", "-r", ".git")
    assert "pre-commit: installed" in study.run("hook").stdout
    study.add()
    assert _commit(tmp_path).returncode == 0
    _spoil(study)
    for words in ([], ["--all"]):
        study.add()
        for folder in (tmp_path, study.root, study.root / "src"):
            result = _commit(folder, *words)
            assert result.returncode == 1, words
            assert result.stdout.startswith(f"{NOTEBOOK}:cell 6:1: ")
    (tmp_path / "elsewhere.txt").write_text("x")
    _git(tmp_path, "add", "elsewhere.txt")
    assert _commit(tmp_path, "--", "elsewhere.txt").returncode == 0


def test_in_a_second_working_tree_that_tree_is_checked(tidy: Tidy, tmp_path: Path) -> None:
    _git(tidy.root, "worktree", "add", "--quiet", str(tmp_path / "other"))
    other = tmp_path / "other"
    (other / NOTEBOOK).write_text(
        (other / NOTEBOOK).read_text().replace("import model", "import os")
    )
    (other / "dvc.yaml").unlink()
    result = _commit(other, "--all")
    assert result.returncode == 1
    assert _commit(tidy.root, "--allow-empty").returncode == 0


def test_an_amended_and_a_first_commit_are_checked_too(tmp_path: Path) -> None:
    study = Tidy(tmp_path)
    study.run("hook")
    assert _commit(study.root).returncode == 0
    _spoil(study)
    assert _commit(study.root, "--all", "--amend").returncode == 1


def test_a_foreign_hook_stays_and_the_line_to_add_to_it_is_shown(tidy: Tidy) -> None:
    hook = tidy.root / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\nexit 0\n")
    for words in (["hook"], ["hook", "--remove"]):
        result = tidy.run(*words)
        assert result.returncode == 1
        assert "is not headrace's hook. Next: " in result.stdout
        assert hook.read_text() == "#!/bin/sh\nexit 0\n"
    line = tidy.run("hook").stdout.splitlines()[2].strip()
    hook.write_text(f"#!/bin/sh\n{line}\n")
    _spoil(tidy)
    assert _commit(tidy.root, "--all").returncode == 1


def test_a_hook_of_another_study_stays(tmp_path: Path) -> None:
    study, second = Tidy(tmp_path), Mini(tmp_path / "other")
    study.run("hook")
    assert "checks another study of this repository" in second.run("hook").stdout
    hook = study.root / ".git/hooks/pre-commit"
    hook.write_text(hook.read_text().replace("exit 1", "exit 2"))  # as another version wrote it
    assert study.run("hook").returncode == 0
    assert "exit 2" not in hook.read_text()


def test_the_hook_can_be_uninstalled(tidy: Tidy) -> None:
    assert tidy.run("hook", "--remove").stdout.endswith("pre-commit: uninstalled\n")
    assert tidy.run("hook", "--remove").stdout == "No hook is installed.\n"
    _spoil(tidy)
    assert _commit(tidy.root, "--all").returncode == 0


def test_the_hook_goes_where_git_looks_for_it(tidy: Tidy) -> None:
    _git(tidy.root, "config", "core.hooksPath", "our hooks")
    assert tidy.run("hook").returncode == 0
    assert (tidy.root / "our hooks/pre-commit").stat().st_mode & 0o111
    _spoil(tidy)
    assert _commit(tidy.root, "--all").returncode == 1


def test_without_git_or_without_an_index_the_next_step_is_named(mini: Mini) -> None:
    assert "is in no git repository. Next: git init" in mini.run("hook").stdout
    bake.run(mini.root, "git", "init", "--quiet")
    result = mini.run("check", "--staged")
    assert result.returncode == 1
    assert "The next commit has no dvc.yaml. Next: git add" in result.stdout
