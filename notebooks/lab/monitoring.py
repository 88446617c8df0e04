"""`make bench`: the monitoring of one month, and of ten million rows that are read part by part."""

import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from headrace.bundle import load
from lab import bake, turns

MONTH_S, MEMORY_MIB, LINEAR = 10.0, 2048, 11.5
"""The bars: seconds for one month with all intervals, memory of 10 million rows, and their time to
that of one million."""
ROWS = 28_000
WATCH = """
import json, sys, time
from pathlib import Path
from headrace.bundle import load
from headrace.monitor import evaluate

PRICES = {"missed": 100.0, "false_alarm": 25.0}
bundle = load.load(Path("models/bundle.tar"))
begun = time.perf_counter()
seen = evaluate.batches(Path.cwd(), bundle, [sys.argv[1]], prices=PRICES)[sys.argv[1]]
assert seen.figures["drift"]["tested"] == len(bundle.schema["properties"]), seen.says
print(json.dumps({"seconds": time.perf_counter() - begun, "kept": len(seen.known)}))
"""
"""All checks of a batch, in a process of its own; where nothing was logged the bundle predicts."""


def main() -> None:
    """Measure on the flights study and print; end the program where a bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        study = bake.bake(Path(folder))
        bake.commit(study)
        bake.run(study, "dvc", "repro")
        month = _rows(study, ROWS, logged=False)
        seconds = median(_watched(study, month)[0] for _ in range(turns.RUNS))
        small, large = (_watched(study, _rows(study, n * 1_000_000, logged=True)) for n in (1, 10))
        size = _baseline(study)
    longer = large[0] / small[0]
    print("\nMonitoring a batch: quality, drift, performance with intervals, estimate\n")
    print(f"one month, {ROWS:,} rows: {seconds:.1f} s, bar {MONTH_S:.0f}; baseline {size:.0f} KB")
    print(f"1 million rows: {small[0]:.1f} s, {small[1]:,.0f} MiB")
    print(f"10 million rows: {large[0]:.1f} s, {large[1]:,.0f} MiB, {longer:.1f} x")
    if seconds > MONTH_S or large[1] > MEMORY_MIB or longer > LINEAR:
        sys.exit(f"Missed: {MONTH_S:.0f} s, {MEMORY_MIB} MiB, {LINEAR} x")


def _rows(study: Path, wanted: int, *, logged: bool) -> Path:
    """Write a batch of so many rows: the year's flights from October on, over and over.

    `logged` gives each a prediction of its own, as a server's log has them.
    """
    table = parquet.read_table(study / "data/features.parquet")
    table = table.slice(table.num_rows - 80_000)
    rng, path = np.random.default_rng(0), study / f"data/live/rows-{wanted}.parquet"
    path.parent.mkdir(exist_ok=True)
    schema = table.schema.append(pa.field("prediction", pa.float64())) if logged else table.schema
    with parquet.ParquetWriter(path, schema) as writer:
        for done in range(0, wanted, table.num_rows):
            part = table.slice(0, min(table.num_rows, wanted - done))
            if logged:
                part = part.append_column("prediction", pa.array(rng.beta(2, 6, part.num_rows)))
            writer.write_table(part)
    return path


def _watched(study: Path, path: Path) -> tuple[float, float]:
    """Return the seconds and the peak memory, in MiB, of a process that judges a batch."""
    env = bake.environment(PYTHONPATH=str(study / "src"))
    words = ["env", "-C", str(study), sys.executable, "-c", WATCH, path.stem]
    said = study / "said.json"
    opened = (os.POSIX_SPAWN_OPEN, 1, str(said), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    process = os.posix_spawnp("env", words, env, file_actions=[opened])
    _, status, usage = os.wait4(process, 0)
    assert status == 0
    found: dict[str, Any] = json.loads(said.read_text())
    return found["seconds"], usage.ru_maxrss / 1024


def _baseline(study: Path) -> float:
    return len(load.read_files(study / "models/bundle.tar")[0]["baseline.json"]) / 1024


if __name__ == "__main__":
    main()
