"""The stages of pipeline files, as headrace reads them."""

from pathlib import Path
from typing import Any

import pytest

from headrace.core import pipeline
from headrace.core import stage as stages
from headrace.core.pipeline import Pipeline
from headrace.core.stage import Stage
from headrace.errors import ProjectError


def stage(name: str = "train", file: str = "dvc.yaml", **body: Any) -> Stage:
    """Return a stage with this body."""
    return Stage(name, body, file)


def test_metrics_and_plots_are_outs_and_keep_their_settings() -> None:
    train = stage(outs=["a.bin"], metrics=[{"m.json": {"cache": False}}], plots=["p.svg"])
    assert [(out.path, out.is_cached) for out in train.outs] == [
        ("a.bin", True),
        ("m.json", False),
        ("p.svg", True),
    ]
    assert train.outs[1].keys == ("stages", "train", "metrics", 0)


def written(name: str = "train", **definition: Any) -> Pipeline:
    """Return the pipeline with this one definition, beside which there is no file."""
    return Pipeline({"stages": {name: definition}}, "dvc.yaml", lambda _: None)


def test_a_member_s_paths_are_its_own() -> None:
    members = written(matrix={"month": [6, 7]}, outs=["data/${item.month}.csv"], cmd="x")
    assert [*members] == ["train@6", "train@7"]
    (out,) = members["train@6"].outs
    assert (out.path, out.keys) == ("data/6.csv", ("stages", "train", "outs", 0))
    assert not out.covers("data/7.csv")


def test_a_folder_covers_the_files_in_it_and_meets_the_folders_around_it() -> None:
    (dep,) = stage(deps=["data/raw"]).deps
    assert dep.covers("data/raw/a.csv")
    assert dep.meets("data")
    assert not dep.meets("data/rawer")


def test_of_several_notebooks_a_stage_runs_the_one_of_its_name() -> None:
    names = ["notebooks/01_prepare.ipynb", "notebooks/02_train.ipynb"]
    assert stage(deps=names).notebook == names[1]
    with pytest.raises(ProjectError, match=r"must list one notebook among its deps.*it lists 2"):
        _ = stage("other", deps=names).notebook


def test_a_foreach_has_its_body_below_do() -> None:
    pipeline = written("each", foreach=[1], do={"cmd": "headrace run each", "deps": ["a"]})
    each = pipeline["each@1"]
    assert (each.is_run, each.values) == (True, {"item": 1})
    assert each.deps[0].keys == ("stages", "each", "do", "deps", 0)


def test_a_stage_names_its_command_by_its_file() -> None:
    assert stage().command() == "dvc repro train"
    assert stage("train@6").command() == "dvc repro train@6"
    assert stage(file="months/dvc.yaml").command() == "dvc repro months/dvc.yaml:train"
    assert stage(file=stages.BACKTEST).command() == "headrace backtest"
    assert stage("f@p q", "side/dvc.yaml").command() == "dvc repro 'side/dvc.yaml:f@p q'"


def test_params_that_are_no_names_are_refused() -> None:
    for params in ({"a": 1}, [3], [{"other.yaml": "a"}], [{"other.yaml": [3]}]):
        with pytest.raises(ProjectError, match="params of stage 'train' must be names in"):
            _ = stage(params=params).params


@pytest.mark.parametrize("run", ["runs/train.ipynb", "../runs/train.ipynb"])
def test_two_files_with_a_stage_of_one_name_are_refused(tmp_path: Path, run: str) -> None:
    (tmp_path / "b").mkdir()
    for name in ("dvc.yaml", "b/dvc.yaml"):
        text = f"stages: {{train: {{cmd: headrace run train, outs: [{run}]}}}}\n"
        (tmp_path / name).write_text(text, "utf-8")
    message = r"stage 'train' is in dvc.yaml as well, .* metrics/cost/train.json. Next: give one"
    with pytest.raises(ProjectError, match=message):
        pipeline.read_all(tmp_path)


def test_a_folder_that_dvcignore_names_has_no_pipeline_file(tmp_path: Path) -> None:
    files = ["dvc.yaml", "a/dvc.yaml", "a/raw/dvc.yaml", "build/x/dvc.yaml", "months/dvc.yaml"]
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("stages: {}\n", "utf-8")
    ignore = tmp_path / ".dvcignore"
    ignore.write_text("# downloads\n/a/raw/\nbuild\n/months/dvc.yaml\nraw*\n", "utf-8")
    left = ["dvc.yaml", "a/dvc.yaml", "months/dvc.yaml"]
    assert pipeline.names(tmp_path) == pipeline.names_in(files, ignore.read_bytes()) == left
    ignore.write_text("build\n!/build\n", "utf-8")
    assert pipeline.names(tmp_path) == pipeline.names_in(files, ignore.read_bytes()) == files


def test_a_missing_pipeline_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"^dvc\.yaml is missing\. Next: git checkout"):
        pipeline.read(tmp_path, "dvc.yaml")
