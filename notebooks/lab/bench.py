"""`make bench`: a cold run of the whole study on every flight, stage by stage."""

import json
import os
import platform
import tempfile
import time
from pathlib import Path

from lab import audits, bake, diffs, engines, histories, monitoring, serving

STAGES = ("collect", "prepare", "train", "evaluate", "hand_off")
PARTS = ("interpreter", "imports", "checks", "cells", "writing")
LIMIT_MIB = 2048
"""No stage may need more memory than this."""


def main() -> None:
    """Bake a study, run it cold three times, and print the medians of what each stage cost."""
    with tempfile.TemporaryDirectory() as folder:
        study = bake.bake(Path(folder))
        bake.commit(study)
        runs = [_cold(study) for _ in range(3)]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("Medians of 3 cold runs of `dvc repro -f` on all 336,776 flights\n")
    _print_costs(runs)
    _print_parts(runs)
    diffs.main()
    histories.main()
    audits.main()
    serving.main()
    monitoring.main()
    engines.main()  # last: it ends the program


def _print_parts(runs: list[dict[str, dict[str, float]]]) -> None:
    print("\nWhere a stage's time goes, in seconds; a notebook's own imports are in its cells\n")
    print(f"{'stage':<10}" + "".join(f"{part:>13}" for part in PARTS))
    for name in STAGES:
        row = [_median([run[name][f"{part}_s"] for run in runs]) for part in PARTS]
        print(f"{name:<10}" + "".join(f"{seconds:>13.2f}" for seconds in row))


def _print_costs(runs: list[dict[str, dict[str, float]]]) -> None:
    print(f"{'stage':<10}{'wall s':>8}{'CPU s':>8}{'peak MiB':>10}")
    for name in (*STAGES, "dvc repro"):
        row = [
            _median([run[name][key] for run in runs]) for key in ("wall_s", "cpu_s", "peak_rss_mib")
        ]
        print(f"{name:<10}{row[0]:>8.1f}{row[1]:>8.1f}{row[2]:>10,.0f}")
        assert row[2] < LIMIT_MIB, f"{name} needs more than {LIMIT_MIB} MiB"


def _cold(study: Path) -> dict[str, dict[str, float]]:
    begun, before = time.perf_counter(), os.times()
    bake.run(study, "dvc", "repro", "--force")
    used, after = time.perf_counter() - begun, os.times()
    cpu = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    costs = {name: json.loads((study / f"metrics/cost/{name}.json").read_text()) for name in STAGES}
    peak = max(cost["peak_rss_mib"] for cost in costs.values())
    return costs | {"dvc repro": {"wall_s": used, "cpu_s": cpu, "peak_rss_mib": peak}}


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


if __name__ == "__main__":
    main()
