"""Four months of live data, played from the first request to the audit."""

import json
import sys
from pathlib import Path

import pandas as pd

from lab import bake, paths


def test_four_months_play_from_the_first_request_to_the_audit(quick: Path, tmp_path: Path) -> None:
    """The whole loop: a server, truth a month late, incidents, a challenger, a second person."""
    words = ("-m", "lab.play", str(quick), "--into", str(tmp_path / "play"))
    env = bake.environment(PYTHONPATH=str(paths.root / "notebooks"))
    said = bake.run(tmp_path, sys.executable, *words, env=env).stdout
    study = tmp_path / "play/study"
    assert bake.run(quick, "git", "status", "--porcelain").stdout == ""
    for month in ("2013-09", "2013-10", "2013-11", "2013-12"):
        assert f"\n{month}\n" in said
    assert said.count("none failed") == 5
    assert " checks passed." in said
    assert "a challenger learned what came before" in said
    assert "answered by model@v1.0.0, then model@v1.0.1" in said
    audit = json.loads(bake.run(study, "headrace", "audit", "--json").stdout)
    assert audit["holds"] is True
    judged = json.loads((study / "metrics/monitor.json").read_text("utf-8"))
    assert all(one["performance"]["truth_share"] == 1 for one in judged.values())
    (live,) = audit["live"]
    costs = {one["batch"]: one["cost"] for one in live["batches"]}
    assert costs == {name: one["performance"]["cost_per_1000"] for name, one in judged.items()}
    assert [one["version"] for one in live["batches"]][:2] == ["v1.0.0", "v1.0.0"]
    table = pd.read_parquet(study / "data/live/2013-12.parquet")
    assert {"model@v1.0.1"} <= set(table["model"])
    assert "Incidents" in (study / "runs/html/audit.html").read_text("utf-8")
