"""`make bench`: a cold run of the whole study on every flight, stage by stage."""

import json
import os
import platform
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from headrace.core import processes
from lab import audits, bake, diffs, engines, histories, monitoring, paths, serving

STAGES = ("collect", "prepare", "train", "evaluate", "hand_off")
SWITCHES = ("1", "0")
"""Values of HEADRACE_PRELOAD: with and without it."""
PARTS = ("interpreter", "imports", "checks", "cells", "writing")
LIMIT_MIB = 2048
"""No stage may need more memory than this."""
TIMES = "metrics/stage_time.json"

Cost = dict[str, dict[str, float]]
"""What each stage cost, by its name: seconds, seconds of each part, MiB."""


def main() -> None:
    """Bake a study, run it cold three times, and print the medians of what each stage cost."""
    processes.become_subreaper()  # what the server imports counts: it outlives who started it
    with tempfile.TemporaryDirectory() as folder:
        study = bake.bake(Path(folder))
        bake.commit(study)
        turns = [{switch: _cold(study, switch) for switch in SWITCHES} for _ in range(3)]
    runs = {switch: [turn[switch] for turn in turns] for switch in SWITCHES}
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("Medians of 3 cold runs of `dvc repro -f` on all 336,776 flights\n")
    _print_costs(runs["1"])
    _write_parts(runs)
    diffs.main()
    histories.main()
    audits.main()
    serving.main()
    monitoring.main()
    engines.main()  # last: it ends the program


def _write_parts(runs: Mapping[str, list[Cost]]) -> None:
    """Print where a stage's time goes, with and without preload, and write it to a file."""
    print("\nWhere a stage's time goes, in seconds; a notebook's own imports are in its cells\n")
    print(f"{'stage':<10}{'preload':<9}" + "".join(f"{part:>13}" for part in PARTS))
    rows = []
    for name in STAGES:
        for switch in SWITCHES:
            row = {
                part: _median([run[name][f"{part}_s"] for run in runs[switch]]) for part in PARTS
            }
            rows.append({"stage": name, "preload": switch == "1", **row})
            seconds = "".join(f"{row[part]:>13.2f}" for part in PARTS)
            print(f"{name:<10}{'yes' if switch == '1' else 'no':<9}{seconds}")
    (paths.root / TIMES).write_text(json.dumps(rows, indent=2) + "\n", "utf-8")


def _print_costs(runs: list[Cost]) -> None:
    print(f"{'stage':<10}{'wall s':>8}{'CPU s':>8}{'peak MiB':>10}")
    for name in (*STAGES, "dvc repro"):
        row = [
            _median([run[name][key] for run in runs]) for key in ("wall_s", "cpu_s", "peak_rss_mib")
        ]
        print(f"{name:<10}{row[0]:>8.1f}{row[1]:>8.1f}{row[2]:>10,.0f}")
        assert row[2] < LIMIT_MIB, f"{name} needs more than {LIMIT_MIB} MiB"


def _cold(study: Path, switch: str) -> Cost:
    begun, before = time.perf_counter(), os.times()
    bake.run(study, "dvc", "repro", "--force", env=bake.environment(HEADRACE_PRELOAD=switch))
    used = time.perf_counter() - begun
    with suppress(ChildProcessError):  # the server, once it has ended
        while True:
            os.waitpid(-1, 0)
    after = os.times()
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
