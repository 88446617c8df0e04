"""`make bench`: two commits compared, beside DVC's own commands; and what an interval takes."""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from headrace.execution import sandbox
from headrace.stats import bootstrap, scores
from lab import bake, turns

BAR = 0.35
"""The largest ratio, ours to DVC's two commands, that is good enough."""
ROWS = 27_000


def main() -> None:
    """Measure on the flights study and print; end the program where the bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        study = _two_commits(Path(folder))
        revisions = ("HEAD~1", "HEAD")
        dvc = [("dvc", kind, "diff", "--json", *revisions) for kind in ("metrics", "params")]
        ways = {
            "shallow": turns.command(study, ("headrace", "diff", *revisions, "--shallow")),
            "dvc": turns.command(study, *dvc),
            "whole": turns.command(study, ("headrace", "diff", *revisions)),
        }
        seconds = turns.medians(ways)
    ratio = seconds["shallow"] / seconds["dvc"]
    print(f"\nTwo commits compared, medians of {turns.RUNS} in turn\n")
    print(f"headrace diff --shallow: metrics, parameters, cost  {seconds['shallow']:>6.2f} s")
    print(f"dvc metrics diff, dvc params diff                   {seconds['dvc']:>6.2f} s")
    print(f"ours to DVC's                                       {ratio:>6.2f}, bar {BAR}")
    print(f"headrace diff: intervals, data, notebooks, code too {seconds['whole']:>6.2f} s")
    print(f"interval of a change of ROC AUC, {ROWS:,} rows      {_interval():>6.2f} s")
    if ratio > BAR:
        sys.exit(f"Missed: at most {BAR} of DVC's time")


def _two_commits(into: Path) -> Path:
    study = bake.bake(into)
    for rounds in (200, 50):
        sandbox.set_parameters(study / "params.yaml", {"train.max_iter": rounds})
        bake.commit(study, f"Take {rounds} rounds")
        bake.run(study, "dvc", "repro")
        bake.run(study, "git", "add", "--all")
        bake.run(study, "git", *bake.IDENTITY, "commit", "--quiet", "--amend", "--no-edit")
    return study


def _interval() -> float:
    """Return the seconds that 1,000 resamples of two models' predictions take."""
    rng = np.random.default_rng(0)
    label = (rng.random(ROWS) < 0.14).astype(float)
    sides = [scores.roc_auc(label, label + rng.normal(size=ROWS)) for _ in range(2)]
    begun = time.perf_counter()
    bootstrap.intervals({"auc": (sides[0], sides[1])}, rows=ROWS)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
