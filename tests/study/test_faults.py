"""What goes wrong with data stops the stage with a clear word, and earlier outputs stay."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from headrace.execution import sandbox
from lab import bake

Break = Callable[[Path], object]
FLIGHTS = "data/raw/flights.parquet"


def _rewrite(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Break:
    return lambda path: change(pd.read_parquet(path)).to_parquet(path, index=False)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


FAULTS: dict[str, tuple[str, Break, str, str]] = {
    "a missing table": (
        FLIGHTS,
        Path.unlink,
        "prepare",
        "data/raw/flights.parquet is missing. Next: dvc",
    ),
    "a truncated table": (
        FLIGHTS,
        _cut,
        "prepare",
        "data/raw/flights.parquet cannot be read as Parquet",
    ),
    "a renamed column": (
        FLIGHTS,
        _rewrite(lambda table: table.rename(columns={"dest": "destination"})),
        "prepare",
        "dest         the column is missing",
    ),
    "a column of a wrong type": (
        FLIGHTS,
        _rewrite(lambda table: table.assign(distance=table["distance"].astype(str))),
        "prepare",
        "distance  expected dtype('int64'), not str",
    ),
    "a value out of range": (
        "data/raw/weather.parquet",
        _rewrite(lambda table: table.assign(humid=120.0)),
        "prepare",
        "in_range(0, 100): 26,115 rows, such as 120.0",
    ),
    "an empty month": (
        "data/features.parquet",
        _rewrite(lambda table: table[table["month"] != 8]),
        "train",
        "months [8] have no rows",
    ),
    "a model that is none": (
        "models/model.skops",
        lambda path: path.write_bytes(b"no model"),
        "evaluate",
        "model.skops cannot be loaded",
    ),
    "thresholds that are none": (
        "metrics/train.json",
        lambda path: path.write_text("{"),
        "evaluate",
        "metrics/train.json cannot be read",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_data_names_stage_and_next_step_and_harms_nothing(
    copy: Path, fault: str
) -> None:
    name, change, stage, message = FAULTS[fault]
    change(copy / name)
    (copy / "dvc.lock").unlink()  # which would promise other bytes
    before = _outputs(copy, but=name)
    result = bake.run(copy, "headrace", "run", stage, check=False)
    assert result.returncode == 1
    assert f"Stage {stage} failed in cell " in result.stdout
    assert message in result.stdout
    assert "Next: " in result.stdout
    assert "Traceback" not in result.stdout
    assert _outputs(copy, but=name) == before


def test_a_month_that_is_not_in_the_year_is_refused_before_anything_runs(copy: Path) -> None:
    sandbox.set_parameters(copy / "params.yaml", {"collect.months": [1, 13]})
    output = bake.run(copy, "headrace", "run", "collect", check=False).stdout
    assert "params.yaml: collect.months.1 is 13: input should be less than or equal to 12" in output


def test_a_month_that_is_used_but_not_collected_is_refused(copy: Path) -> None:
    sandbox.set_parameters(copy / "params.yaml", {"collect.months": [1, 2, 3, 4, 5, 6, 7, 9]})
    output = bake.run(copy, "headrace", "run", "collect", check=False).stdout
    assert "months [8] are used but not in collect.months" in output


def test_judging_a_month_that_the_model_has_seen_is_refused(copy: Path) -> None:
    sandbox.set_parameters(copy / "params.yaml", {"evaluate.evaluate_month": 3})
    output = bake.run(copy, "headrace", "run", "collect", check=False).stdout
    assert "the evaluation judges what the model has seen" in output


def test_after_a_refused_parameter_is_set_right_everything_is_back_and_nothing_runs(
    copy: Path,
) -> None:
    before = _outputs(copy)
    sandbox.set_parameters(copy / "params.yaml", {"train.max_iter": 0})
    process = bake.run(copy, "dvc", "repro", check=False)
    assert process.returncode != 0
    assert "train.max_iter is 0" in process.stdout
    sandbox.set_parameters(copy / "params.yaml", {"train.max_iter": 10})
    assert "Running stage" not in bake.run(copy, "dvc", "repro").stdout
    assert _outputs(copy) == before


def test_a_damaged_input_is_restored_by_repro(copy: Path) -> None:
    _cut(copy / FLIGHTS)
    before = _outputs(copy, but=FLIGHTS)
    bake.run(copy, "dvc", "repro")
    assert len(pd.read_parquet(copy / FLIGHTS)) == 336_776
    assert _outputs(copy, but=FLIGHTS) == before


def _outputs(study: Path, *, but: str = "") -> dict[str, str]:
    """Return the hash of every file that a stage hashes, apart from one and from what it cost."""
    folders = ("data", "models", "metrics", "plots", "runs")
    paths = [path for folder in folders for path in (study / folder).rglob("*") if path.is_file()]
    names = {str(path.relative_to(study)): path for path in paths}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in names.items()
        if name != but and "/failed/" not in name and "metrics/cost/" not in name
    }


def test_what_a_study_made_is_listed_in_its_lock(quick: Path) -> None:
    lock = (quick / "dvc.lock").read_text()
    assert [
        name for name in _outputs(quick) if name not in lock and not name.endswith("ignore")
    ] == []
    assert json.loads((quick / "metrics/evaluate.json").read_text())["flights"] > 1000
