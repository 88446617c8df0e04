"""A second pipeline file beside dvc.yaml: run when it is named, and held to the same rules."""

from pathlib import Path

import pytest
from clean_study import Tidy
from filelock import FileLock
from mini_study import cell, notebook

from headrace.core import project
from headrace.errors import ProjectError
from lab import bake

FILE = "months/dvc.yaml"
BESIDE = """\
vars:
  - ../params.yaml:months
stages:
  play:
    wdir: ..
    matrix:
      month: ${months.played}
    cmd: headrace run play
    deps:
      - notebooks/02_play.ipynb
      - requirements.lock
    params:
      - seed
    outs:
      - plays/${item.month}.txt:
          cache: false
"""
WRITES = 'from pathlib import Path\nPath("plays").mkdir(exist_ok=True)'
PLAYS = 'Path(f"plays/{month}.txt").write_text(str(seed))'


@pytest.fixture
def beside(tmp_path: Path) -> Tidy:
    """A tidy study with a matrix in a pipeline file of its own."""
    tidy = Tidy(tmp_path)
    tidy.replace("params.yaml", "seed: 7\n", "seed: 7\nmonths:\n  played: [8, 12]\n")
    tidy.replace("src/mini/params.py", "    seed: int\n", "    seed: int\n    months: dict\n")
    tidy.write(FILE, BESIDE)
    write_notebook(tidy, WRITES, PLAYS)
    tidy.add()
    return tidy


def write_notebook(tidy: Tidy, *sources: str) -> None:
    defaults = cell("month = 1  # month\nseed = 0  # seed", "parameters")
    title = cell("# Play", kind="markdown")
    tidy.write("notebooks/02_play.ipynb", notebook(title, defaults, *map(cell, sources)))


def test_a_second_pipeline_runs_when_it_is_named_with_the_months_of_params_yaml(
    beside: Tidy,
) -> None:
    bake.run(beside.root, "git", "add", "--all")
    bake.run(beside.root, "dvc", "init", "--quiet", "--force")
    bake.run(beside.root, "dvc", "repro", FILE)
    assert sorted(path.name for path in (beside.root / "plays").iterdir()) == ["12.txt", "8.txt"]
    assert not (beside.root / "runs/train.ipynb").exists()
    runs = project.find_project(beside.root).runs
    assert runs == ["runs/play-8.ipynb", "runs/play-12.ipynb"]
    assert " passed." in beside.check("lock-behind")
    beside.write("requirements.lock", "# another\n")
    report = beside.check("lock-behind")
    assert "months/dvc.lock:3: Stage play@8 is behind: requirements.lock changed" in report
    assert "Next: dvc repro months/dvc.yaml, and commit months/dvc.lock" in report
    assert "Stage play@12 is behind" in report


def test_a_study_with_a_second_pipeline_has_no_finding(beside: Tidy) -> None:
    assert beside.check().endswith(" passed.\n")


def test_a_missing_dep_of_a_second_pipeline_is_found_and_fixed_there(beside: Tidy) -> None:
    write_notebook(beside, "from mini import model", WRITES, PLAYS)
    report = beside.check("undeclared-import")
    assert f"{FILE}:9: notebooks/02_play.ipynb imports mini.model" in report
    before = (beside.root / "dvc.yaml").read_bytes()
    fixed = beside.run("fix").stdout
    assert f"{FILE}: stage play: src/mini/model.py added to the deps" in fixed
    assert "      - src/mini/model.py\n" in (beside.root / FILE).read_text("utf-8")
    assert (beside.root / "dvc.yaml").read_bytes() == before
    assert " passed." in beside.check("undeclared-import")


BROKEN = {
    "no yaml": ("stages: [", f"{FILE}:1: The pipeline file cannot be used: "),
    "a stage of dvc.yaml": (
        "stages: {train: {wdir: .., cmd: headrace run train}}\n",
        f"{FILE}:1: The pipeline file cannot be used: stage 'train' is in dvc.yaml as well",
    ),
    "months that params.yaml lacks": (
        BESIDE.replace("months.played", "months.playd"),
        f"{FILE}:6: The pipeline file cannot be used: failed to parse 'stages.play.matrix':"
        " Could not find 'months.playd'",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_second_pipeline_that_cannot_be_used_is_reported_by_its_name(
    beside: Tidy, kind: str
) -> None:
    text, words = BROKEN[kind]
    beside.write(FILE, text)
    report = beside.check()
    assert words in report
    assert "Traceback" not in report


def test_a_broken_second_pipeline_keeps_no_stage_of_dvc_yaml_from_running(beside: Tidy) -> None:
    beside.write(FILE, "stages: [")
    for name in ("models", "metrics"):
        (beside.root / name).mkdir()
    result = beside.run()
    assert result.returncode == 0, result.stdout
    assert (beside.root / "runs/train.ipynb").is_file()


def test_a_folder_s_own_project_is_left_alone(beside: Tidy) -> None:
    beside.write("months/pyproject.toml", "")
    assert list(project.find_project(beside.root).pipelines) == ["dvc.yaml"]


def test_a_stage_of_no_file_is_refused_with_the_nearest_of_all(beside: Tidy) -> None:
    with pytest.raises(ProjectError, match=r"dvc.yaml have no stage 'plai'\. Did you mean play\?"):
        project.find_project(beside.root).stage("plai")


def test_a_backtest_runs_what_dvc_does_not_see_and_changes_no_file_of_the_study(
    beside: Tidy,
) -> None:
    backtest = BESIDE.replace("metrics/", "").replace("plays/", "metrics/")
    beside.write("backtest/dvc.yaml", backtest)
    (beside.root / FILE).unlink()
    beside.write(".dvcignore", "/backtest/dvc.yaml\n")
    shows = 'import os\nPath("seen").write_text(" ".join(os.listdir("backtest")))'
    writes = WRITES.replace("plays", "metrics")
    write_notebook(beside, writes, PLAYS.replace("plays", "metrics"), shows)
    beside.write("metrics/backtest.json", '{"saved": 1.5}')
    bake.run(beside.root, "dvc", "init", "--quiet", "--force", "--no-scm")
    with FileLock(beside.root / ".headrace/backtest.lock"):
        assert "Another backtest of this study is running. Next: " in beside.run("backtest").stdout
    result = beside.run("backtest")
    assert result.returncode == 0, result.stdout
    assert "saved" in result.stdout
    assert {*(beside.root / "seen").read_text("utf-8").split()} <= {"dvc.yaml", "dvc.lock"}
    assert (beside.root / ".dvcignore").read_text("utf-8") == "/backtest/dvc.yaml\n"
    assert "backtest" not in bake.run(beside.root, "dvc", "status").stdout


def test_sync_copies_values_into_a_notebook_of_a_second_pipeline(beside: Tidy) -> None:
    assert "notebooks/02_play.ipynb" in beside.run("sync").stdout.split()
    assert "seed = 7  # seed" in (beside.root / "notebooks/02_play.ipynb").read_text("utf-8")
