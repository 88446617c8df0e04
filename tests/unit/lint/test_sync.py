"""`headrace sync` says what it costs before it changes anything."""

import json
from pathlib import Path

import pytest
from clean_study import NOTEBOOK, Tidy


@pytest.fixture
def tidy(tmp_path: Path) -> Tidy:
    """A study whose one stage is up to date, and was given other values than its cell has."""
    study = Tidy(tmp_path)
    study.lock()
    study.write("metrics/cost/train.json", json.dumps({"wall_s": 9.31}))
    return study


def test_sync_names_the_stages_that_it_makes_stale_and_their_seconds(tidy: Tidy) -> None:
    before = (tidy.root / NOTEBOOK).read_bytes()
    printed = tidy.run("sync", "--dry-run").stdout
    cost = "which runs stages again that are up to date: train (9.3 s when they ran last)"
    assert printed == f"{NOTEBOOK}\nNext: headrace sync, then dvc repro, {cost}\n"
    assert (tidy.root / NOTEBOOK).read_bytes() == before
    assert tidy.run("sync").stdout == f"{NOTEBOOK}\nNext: dvc repro, {cost}\n"
    assert "seed = 7" in (tidy.root / NOTEBOOK).read_text()
    assert tidy.run("sync").stdout == "nothing to change\n"


@pytest.mark.parametrize("content", ["", "[]", '{"wall_s": "long"}'])
def test_without_a_record_of_the_cost_the_stages_are_named(tidy: Tidy, content: str) -> None:
    tidy.write("metrics/cost/train.json", content)
    assert tidy.run("sync").stdout.endswith(" that are up to date: train\n")


def test_a_dvc_lock_with_marks_of_a_merge_leaves_the_cost_out(tidy: Tidy) -> None:
    tidy.write("dvc.lock", "<<<<<<< HEAD\n=======\n>>>>>>> other\n")
    assert tidy.run("sync").stdout == f"{NOTEBOOK}\nNext: dvc repro\n"
    assert "seed = 7" in (tidy.root / NOTEBOOK).read_text()


def test_a_stage_that_runs_anyway_costs_nothing_more(tidy: Tidy) -> None:
    tidy.replace("params.yaml", "max_iter: 20", "max_iter: 30")
    printed = tidy.run("sync").stdout
    assert printed.endswith("No stage that is up to date has to run again for it\n")
