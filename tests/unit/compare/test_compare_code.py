"""Promises about the commits and files between two states, with a real git."""

from pathlib import Path
from typing import Any

import pytest

from headrace.compare import inputs
from headrace.core.git import Objects
from headrace.core.states import State
from lab import bake

DVC = """\
stages:
  train:
    cmd: headrace run train
    deps: [src/model.py, data/raw, src/old.py]
    params: [seed, train]
  evaluate:
    cmd: headrace run evaluate
    deps:
      - src/model.py
      - src/evaluate.py
    params:
      - evaluate.bins
      - other.yaml:
          - x
  backtest:
    matrix: {month: [6, 7]}
    cmd: headrace run backtest
    deps: ["src/back_${item.month}.py"]
"""
LOCK = """\
schema: '2.0'
stages:
  backtest@6:
    cmd: headrace run backtest
    deps: [{path: src/back_6.py, hash: md5, md5: aa, size: 1}]
"""
PARAMS = "seed: 1\ntrain: {rate: 0.1}\nevaluate: {bins: 10, more: 1}\n"


class History:
    """A study in a folder of a git repository, whose files the tests change."""

    def __init__(self, top: Path) -> None:
        self.top, self.root = top, top / "study"
        for name in ("src/model.py", "src/evaluate.py", "src/back_6.py", "src/old.py"):
            self.write(name, f"# {name}\n" * 9)
        self.write("data/raw/a.csv", "a\n")
        self.write("dvc.yaml", DVC)
        self.write("dvc.lock", LOCK)
        self.write("params.yaml", PARAMS)
        bake.commit(top)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def files(self, old: str, new: str | None = None) -> dict[str, tuple[str, ...]]:
        changes: Any = self.between(inputs.file_changes, old, new)
        return {f"{change.status} {change.path}": change.stages for change in changes}

    def between(self, ask: Any, old: str, new: str | None) -> Any:
        with Objects(self.root) as objects:
            sides = (State(self.root, str(name), name, "", objects) for name in (old, new))
            return ask(*sides)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "top")


def test_each_file_names_the_stages_that_it_feeds(history: History) -> None:
    for name in ("src/model.py", "data/raw/a.csv", "src/back_6.py", "other.yaml", "README.md"):
        history.write(name, "new\n")
    bake.commit(history.top)
    assert history.files("HEAD~1", "HEAD") == {
        "M src/model.py": ("evaluate", "train"),
        "M data/raw/a.csv": ("train",),
        "M src/back_6.py": ("backtest",),
        "A other.yaml": ("evaluate",),
        "A README.md": (),
    }


def test_parameters_feed_only_stages_that_take_what_changed(history: History) -> None:
    history.write("params.yaml", PARAMS.replace("0.1", "0.2"))
    assert history.files("HEAD") == {"M params.yaml": ("train",)}
    history.write("params.yaml", PARAMS.replace("more: 1", "more: 2"))
    assert history.files("HEAD") == {"M params.yaml": ()}


def test_the_pipeline_feeds_the_stages_whose_entry_changed(history: History) -> None:
    history.write("dvc.yaml", DVC.replace("run evaluate", "run evaluate --fast"))
    assert history.files("HEAD") == {"M dvc.yaml": ("evaluate",)}


def test_parameters_of_other_files_are_compared_too(history: History) -> None:
    history.write("other.yaml", "x: 1\ny: [1]\n")
    bake.commit(history.top)
    history.write("other.yaml", "x: 2\ny: [1]\n")
    (change,) = history.between(inputs.parameter_changes, "HEAD", None)
    assert (change.name, change.old, change.new) == ("other.yaml:x", 1, 2)


def test_a_file_that_fills_templates_feeds_the_stages_that_come_out_otherwise(
    history: History,
) -> None:
    filled = "vars: [conf.yaml]\nstages:\n  fit: {cmd: x, deps: ['src/${which}.py']}\n"
    history.write(
        "dvc.yaml", filled + "  each: {foreach: '${ks}', do: {cmd: x}}\n  not: {cmd: x}\n"
    )
    history.write("conf.yaml", "which: model\nks: [1, 2]\n")
    bake.commit(history.top)
    history.write("conf.yaml", "which: old\nks: [1, 2]\n")
    assert history.files("HEAD") == {"M conf.yaml": ("fit",)}
    history.write("conf.yaml", "which: model\nks: [1, 2, 3]\n")
    assert history.files("HEAD") == {"M conf.yaml": ("each",)}
    history.write("src/model.py", "new\n")
    assert history.files("HEAD")["M src/model.py"] == ("fit",)


def test_uncommitted_and_untracked_files_belong_to_the_working_tree(history: History) -> None:
    history.write("src/model.py", "new\n")
    history.write("src/evaluate_more.py", "new\n")
    bake.run(history.root, "git", "mv", "src/old.py", "src/newer.py")
    assert history.files("HEAD") == {
        "M src/model.py": ("evaluate", "train"),
        "R src/newer.py": ("train",),
        "A src/evaluate_more.py": (),
    }


def test_what_lies_outside_the_study_is_left_out(history: History) -> None:
    (history.top / "elsewhere.txt").write_text("new")
    bake.commit(history.top, "Elsewhere")
    history.write("src/model.py", "new\n")
    bake.commit(history.top, "Here")
    assert list(history.files("HEAD~2", "HEAD")) == ["M src/model.py"]
    changes = history.between(inputs.commits_between, "HEAD~2", "HEAD")
    assert [change.subject for change in changes] == ["Here"]


def test_commits_are_told_the_newest_first(history: History) -> None:
    for number in range(3):
        history.write("src/model.py", f"{number}\n")
        bake.commit(history.top, f"Change {number}")
    commits = history.between(inputs.commits_between, "HEAD~2", None)
    assert [commit.subject for commit in commits] == ["Change 2", "Change 1"]
    assert {commit.author for commit in commits} == {"Headrace"}
    assert all(len(commit.hash) == 40 and commit.date[4] == "-" for commit in commits)
    assert history.between(inputs.commits_between, "HEAD", None) == ()


@pytest.mark.parametrize(
    "subject", ["<script>alert(1)</script>", "tab\there", "\u202egnp.exe", "-z --all", "a\x01b"]
)
def test_any_subject_is_one_field(history: History, subject: str) -> None:
    history.write("src/model.py", "new\n")
    bake.commit(history.top, subject)
    (changes,) = history.between(inputs.commits_between, "HEAD~1", "HEAD")
    assert changes.subject == subject


@pytest.mark.parametrize(
    "setting",
    ["log.showSignature=true", "color.ui=always", "diff.external=false", "core.quotePath=true"],
)
def test_no_setting_of_the_user_gets_in_between(history: History, setting: str) -> None:
    bake.run(history.root, "git", "config", *setting.split("="))
    history.write('src/ä "quoted".py', "new\n")
    bake.commit(history.top, "Name a file")
    assert history.files("HEAD~1", "HEAD") == {'A src/ä "quoted".py': ()}
    assert len(history.between(inputs.commits_between, "HEAD~1", "HEAD")) == 1


def test_a_name_that_is_no_utf8_can_be_printed(history: History) -> None:
    Path(str(history.root / "src"), "caf\udce9.py").write_text("new\n")
    bake.commit(history.top, "Latin")
    for new in ("HEAD", None):
        assert history.files("HEAD~1", new) == {"A src/caf\ufffd.py": ()}


@pytest.mark.parametrize(
    "broken", ["stages: 3\n", "stages: {a: 1, b: {deps: 2, params: {x: 1}}}\n"]
)
def test_an_odd_pipeline_feeds_nothing(history: History, broken: str) -> None:
    history.write("dvc.yaml", broken)
    history.write("src/evaluate.py", "new\n")
    assert history.files("HEAD")["M src/evaluate.py"] == ("evaluate",)
