"""A study that was monitored for four months: two incidents, and a second version in October."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from registered_study import ANN, BEN, BUNDLE, Registered, out, yes

from headrace.alerts import update
from headrace.gates import reader
from headrace.registry.active_versions import FILE

RULES = """\
live:
  the contract refuses rows:
    { figure: quality.refused_share, above: 0.01, level: act, do: Mend the source }
  many features have moved:
    { figure: drift.moved, above: 8, level: notice, do: See what moved }
  late flights cost far more:
    { figure: performance.cost_per_1000_low, above: 15000, level: act, do: Retrain }
  carriers fare unequally:
    { figure: groups.carrier.gap, above: 0.5, level: notice, do: Look at the intervals }
"""
COST, GAP = "late-flights-cost-far-more-2013-10", "carriers-fare-unequally-2013-12"
COSTS = {"2013-09": 12_240.8, "2013-10": 17_088.1, "2013-11": 17_258.8, "2013-12": 13_718.4}


def month(cost: float, *, gap: float = 0.3) -> dict[str, Any]:
    """Return a batch's figures as the stage `monitor` has them."""
    ends = {"": cost, "_low": cost - 1000, "_high": cost + 1000}
    return {
        "rows": 27_010,
        "quality": {"refused_share": 0.0},
        "drift": {"moved": 7},
        "performance": {
            "late_share": 0.137,
            **{f"cost_per_1000{end}": value for end, value in ends.items()},
        },
        "groups": {"carrier": {"gap": gap}},
    }


def commit_figures(
    study: Registered, figures: Mapping[str, object], message: str = "Watch"
) -> None:
    """Commit figures as the pipeline leaves them, with what dvc.lock says of them."""
    study.write(FILE, json.dumps(figures, indent=2))
    lock = json.loads((study.root / "dvc.lock").read_text("utf-8"))
    deps, outs = ([out(study.root, name)] for name in (BUNDLE, FILE))
    lock["stages"]["monitor"] = {"cmd": "headrace run monitor", "deps": deps, "outs": outs}
    study.write("dvc.lock", json.dumps(lock))
    study.commit(message)


def commit_incidents(study: Registered, figures: Mapping[str, Mapping[str, Any]]) -> None:
    """Bring the incidents up to date, as `headrace monitor` does, and commit them."""
    rules = reader.parse((study.root / "gates.yaml").read_bytes()).live
    update.update(study.root, figures, rules)
    study.commit("Note what the monitor says")


def promote_to_all(study: Registered, version: str) -> None:
    """Promote a version to all stages for one reason."""
    for stage in ("dev", "staging", "prod"):
        study.do("promote", version, "--to", stage, *yes("as the figures say"), person=BEN)


def monitored_year(root: Path) -> Registered:
    """Make a study with four months, two incidents, and a second version after October."""
    study = Registered.make(root)
    study.write("gates.yaml", RULES)
    study.version(0.8)
    promote_to_all(study, "v1.0.0")
    monitored: dict[str, dict[str, Any]] = {}
    for name, cost in COSTS.items():
        monitored[name] = month(cost, gap=0.6 if name == "2013-12" else 0.3)
        commit_figures(study, monitored, f"Watch {name}")
        commit_incidents(study, monitored)
        if name == "2013-10":
            study.do("alert", "decide", COST, "retrain", "--reason", "the season", person=BEN)
            study.version(0.9)
            promote_to_all(study, "v1.0.1")
    study.do("alert", "dismiss", GAP, "--reason", "a small carrier", person=ANN)
    return study
