"""`headrace check lock-behind` says of dvc.lock what `dvc status` says, without DVC."""

import json
from pathlib import Path

import pytest
import yaml

from headrace.execution import sandbox
from lab import bake

LAST = "hand_off"
"""It vouches for all that went into the model, so it depends on all of it."""


BEHIND = {
    "nothing": (lambda study: None, []),
    "code": (
        lambda study: _append(study / "src/study/model.py"),
        ["train", "evaluate", LAST, "monitor"],
    ),
    "a parameter": (lambda study: _set(study, "train.max_iter", 11), ["train"]),
    "a parameter of no stage": (lambda study: _set(study, "problem.late_minutes", 15), []),
    "an output": (
        lambda study: _append(study / "metrics/evaluate.json"),
        ["evaluate", LAST, "monitor"],
    ),
    "an output that is missing": (lambda study: (study / "models/model.skops").unlink(), []),
    "data": (
        lambda study: _append(study / "data/features.parquet"),
        ["prepare", "train", "evaluate", LAST],
    ),
    "a dep more": (
        lambda study: _yaml(study, lambda stage: stage["deps"].append("src/study/figures.py")),
        ["collect"],
    ),
    "a dep less": (
        lambda study: _yaml(study, lambda stage: stage["deps"].remove("requirements.lock")),
        [],
    ),
    "a parameter more": (
        lambda study: _yaml(study, lambda stage: stage["params"].append("seed")),
        ["collect"],
    ),
    "an out less": (
        lambda study: _yaml(study, lambda stage: stage["outs"].remove("data/raw/planes.parquet")),
        [],
    ),
    "a command": (
        lambda study: _yaml(study, lambda stage: stage.update(cmd="headrace run collect -v")),
        ["collect"],
    ),
}


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def _set(study: Path, name: str, value: object) -> None:
    sandbox.set_parameters(study / "params.yaml", {name: value})


def _yaml(study: Path, change: object) -> None:
    content = yaml.safe_load((study / "dvc.yaml").read_text())
    change(content["stages"]["collect"])  # type: ignore[operator]
    (study / "dvc.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


@pytest.mark.parametrize("kind", BEHIND)
def test_a_stage_is_behind_where_dvc_says_so(copy: Path, kind: str) -> None:
    change, stages = BEHIND[kind]
    change(copy)
    result = bake.run(copy, "headrace", "check", "lock-behind", check=False)
    behind = [line.split()[2] for line in result.stdout.splitlines() if "[lock-behind]" in line]
    assert sorted(behind) == sorted(stages)
    words = ("dvc", "status", "dvc.yaml", "--json", "--no-updates")
    status = json.loads(bake.run(copy, *words).stdout or "{}")
    missing = {"an output that is missing"}  # a clone has none: it is no fault of the commit's
    assert kind in missing or set(status) == set(stages)


def test_sync_names_exactly_the_stages_that_dvc_finds_stale_after_it(copy: Path) -> None:
    printed = bake.run(copy, "headrace", "sync", "--dry-run").stdout
    words = ("dvc", "status", "dvc.yaml", "--json", "--no-updates")
    assert bake.run(copy, *words).stdout.strip() in ("", "{}")
    step = "Next: headrace sync, then dvc repro"
    assert step in printed
    done = printed.replace(step, "Next: dvc repro")
    assert bake.run(copy, "headrace", "sync").stdout == done
    stale = json.loads(bake.run(copy, *words).stdout)
    assert "train" in stale
    assert ", ".join(stale) in printed
    assert f"{', '.join(stale)} (" in printed.partition("up to date: ")[2]
