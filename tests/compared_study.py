"""A study to compare states of: metrics and predictions as a pipeline would have left them."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pandas as pd
from mini_study import PYPROJECT

from headrace.compare import report
from headrace.compare.model import MetricChange, Report
from headrace.core import lockfile, project, states
from headrace.core.git import Objects
from lab import bake

M = "metrics/m.json"
PREDICTIONS = "made/predictions.parquet"
DVC = {
    "stages": {
        "train": {
            "cmd": "headrace run train",
            "outs": [PREDICTIONS],
            "metrics": [{M: {"cache": False}}],
        }
    },
    "metrics": ["metrics/cost/train.json"],
}
BLOCK = f"predictions: {{file: {PREDICTIONS}, key: [row], label: late}}\n"


@dataclass
class Compared:
    """A study under git, with what DVC would keep in its cache."""

    root: Path

    @classmethod
    def make(cls, root: Path, **metrics: object) -> "Compared":
        """Make one with these metrics, and commit it."""
        study = cls(root)
        study.write("pyproject.toml", PYPROJECT)
        study.write("dvc.yaml", json.dumps(DVC))
        study.write("params.yaml", "seed: 7\n")
        study.write(".gitignore", "/made\n/.dvc\n")
        study.write(".dvc/config", "[core]\n    analytics = false\n")
        study.metrics(**metrics)
        study.commit()
        return study

    def write(self, name: str, text: str) -> None:
        """Write a file of the study."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def metrics(self, **values: object) -> None:
        """Write the metrics file."""
        self.write(M, json.dumps(values, ensure_ascii=False))

    def gates(self, block: str, blocks: str = "") -> None:
        """Write gates.yaml with these lines for the metrics file."""
        self.write("gates.yaml", f"metrics:\n  {M}:\n    {block}\n{blocks}")

    def predictions(self, table: pd.DataFrame) -> Path:
        """Write predictions, put them into the cache and their hash into dvc.lock."""
        path = self.root / PREDICTIONS
        path.parent.mkdir(exist_ok=True)
        table.to_parquet(path)
        md5 = lockfile.md5(path)
        out = {"path": PREDICTIONS, "hash": "md5", "md5": md5, "size": path.stat().st_size}
        lock = {"schema": "2.0", "stages": {"train": {"cmd": "headrace run train", "outs": [out]}}}
        self.write("dvc.lock", json.dumps(lock))
        cached = self.root / f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}"
        cached.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, cached)
        return cached

    def commit(self, message: str = "Begin") -> str:
        """Commit all there is and return the hash."""
        bake.commit(self.root, message)
        return self.git("rev-parse", "HEAD")

    def git(self, *words: str) -> str:
        """Run git and return what it printed."""
        return bake.run(self.root, "git", *bake.IDENTITY, *words).stdout.strip()

    def report(self, *names: str, deep: bool = True) -> Report:
        """Compare two states."""
        study = project.find_project(self.root)
        with Objects(self.root) as objects:
            return report.build(study, *states.pair(study, names, objects), deep=deep)

    def diff(self, *words: str, **variables: str) -> CompletedProcess[str]:
        """Run `headrace diff`."""
        env = bake.environment(**variables)
        return bake.run(self.root, "headrace", "diff", *words, check=False, env=env)


def change(report: Report, name: str) -> MetricChange:
    """Return the change of a metric, which must be there."""
    return next(metric for metric in report.metrics if metric.name == name)


def predicted(rows: int = 400, *, noise: float = 1.0, seed: int = 0) -> pd.DataFrame:
    """Return predictions whose chances know the label, with more or less noise."""
    rng = np.random.default_rng(0)
    late = rng.random(rows) < 0.3
    evidence = late + rng.normal(size=rows) + noise * np.random.default_rng(seed).normal(size=rows)
    table = {"row": range(rows), "late": late, "chance": 1 / (1 + np.exp(-evidence))}
    table |= {"warned": evidence > 0.5, "group": np.where(np.arange(rows) % 3, "a", "b")}
    return pd.DataFrame(table)


def scored(table: pd.DataFrame) -> dict[str, Any]:
    """Return the metrics that an evaluation would write of these predictions."""
    from sklearn.metrics import roc_auc_score

    missed = float((table["late"] & ~table["warned"]).sum() / table["late"].sum())
    return {"roc_auc": float(roc_auc_score(table["late"], table["chance"])), "missed": missed}
