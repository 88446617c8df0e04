"""`dvc exp`: one change, a queue, and a sweep over two parameters."""

import json
from pathlib import Path

from lab import bake


def _table(study: Path) -> dict[str, dict[str, object]]:
    """Return every experiment's name with its two swept parameters and its cost."""
    rows = bake.run(study, "dvc", "exp", "show", "--json").stdout
    (head,) = [row for row in json.loads(rows) if row["rev"] != "workspace"]
    experiments = {}
    for experiment in head["experiments"] or []:
        data = experiment["revs"][0]["data"]
        train = data["params"]["params.yaml"]["data"]["train"]
        scores = data["metrics"]["metrics/train.json"]["data"]
        experiments[experiment["name"]] = {
            "max_iter": train["max_iter"],
            "learning_rate": train["learning_rate"],
            "cost": scores["model"]["cost_per_1000"],
        }
    return experiments


def test_a_queued_sweep_over_two_parameters_leaves_the_workspace_alone(copy: Path) -> None:
    before = (copy / "metrics/train.json").read_bytes()
    sweep = ["-S", "train.max_iter=5,8", "-S", "train.learning_rate=0.05,0.3"]
    bake.run(copy, "dvc", "exp", "run", "--queue", *sweep, "train")
    bake.run(copy, "dvc", "exp", "run", "--run-all", "--jobs", "2")
    experiments = _table(copy)
    tried = sorted((row["max_iter"], row["learning_rate"]) for row in experiments.values())  # type: ignore[type-var]
    assert tried == [(5, 0.05), (5, 0.3), (8, 0.05), (8, 0.3)]
    assert len({row["cost"] for row in experiments.values()}) == 4
    assert (copy / "metrics/train.json").read_bytes() == before
    assert bake.run(copy, "git", "status", "--porcelain").stdout == ""


def test_an_experiment_changes_only_what_it_names_and_can_be_applied(copy: Path) -> None:
    words = ("--temp", "--name", "deeper", "-S", "train.max_leaf_nodes=5", "evaluate")
    bake.run(copy, "dvc", "exp", "run", *words)
    assert bake.run(copy, "git", "status", "--porcelain").stdout == ""
    bake.run(copy, "dvc", "exp", "apply", "deeper")
    printed = bake.run(copy, "dvc", "params", "diff", "--json").stdout
    (changed,) = json.loads(printed)["params.yaml"].items()
    assert changed == ("train.max_leaf_nodes", {"old": 31, "new": 5, "diff": -26})
    moved = json.loads(bake.run(copy, "dvc", "metrics", "diff", "--json").stdout)
    assert "model.roc_auc" in moved["metrics/evaluate.json"]


def test_an_experiment_with_an_unknown_name_is_refused_with_the_nearest(copy: Path) -> None:
    result = bake.run(copy, "dvc", "exp", "run", "-S", "+train.max_itr=50", check=False)
    assert result.returncode != 0
    assert "Did you mean max_iter?" in result.stdout
