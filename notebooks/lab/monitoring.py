"""`make bench`: time and memory of monitoring one month, and ten million rows."""

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
"""The bars: seconds for one month with all intervals, memory of 10 million rows, and their time
relative to one million."""
ROWS = 28_000
WATCH = """
import json, sys, time
from pathlib import Path
from headrace.bundle import load
from headrace.monitor import evaluate

PRICES = {"missed": 100.0, "false_alarm": 25.0}
bundle = load.load(Path("models/bundle.tar"))
start = time.perf_counter()
result = evaluate.batches(Path.cwd(), bundle, [sys.argv[1]], prices=PRICES)[sys.argv[1]]
assert result.figures["drift"]["tested"] == len(bundle.schema["properties"]), result.notes
print(json.dumps({"seconds": time.perf_counter() - start, "kept": len(result.known)}))
"""
"""The evaluation of a batch, in a process of its own."""


def main() -> None:
    """Measure on the flights study and print; end the program where a bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        study = bake.bake(Path(folder))
        bake.commit(study)
        bake.run(study, "dvc", "repro")
        month = _rows(study, ROWS, logged=False)
        seconds = median(_evaluate(study, month)[0] for _ in range(turns.RUNS))
        small, large = (_evaluate(study, _rows(study, n * 1_000_000, logged=True)) for n in (1, 10))
        size = _baseline(study)
    factor = large[0] / small[0]
    print("\nMonitoring a batch: quality, drift, performance with intervals, estimate\n")
    print(f"one month, {ROWS:,} rows: {seconds:.1f} s, bar {MONTH_S:.0f}; baseline {size:.0f} KB")
    print(f"1 million rows: {small[0]:.1f} s, {small[1]:,.0f} MiB")
    print(f"10 million rows: {large[0]:.1f} s, {large[1]:,.0f} MiB, {factor:.1f} x")
    if seconds > MONTH_S or large[1] > MEMORY_MIB or factor > LINEAR:
        sys.exit(f"Missed: {MONTH_S:.0f} s, {MEMORY_MIB} MiB, {LINEAR} x")


def _rows(study: Path, rows: int, *, logged: bool) -> Path:
    """Write a batch of so many rows, flights from October on, repeated.

    `logged` adds a prediction to each row, as in a server's log.
    """
    table = parquet.read_table(study / "data/features.parquet")
    table = table.slice(table.num_rows - 80_000)
    rng, path = np.random.default_rng(0), study / f"data/live/rows-{rows}.parquet"
    path.parent.mkdir(exist_ok=True)
    schema = table.schema.append(pa.field("prediction", pa.float64())) if logged else table.schema
    with parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, table.num_rows):
            part = table.slice(0, min(table.num_rows, rows - start))
            if logged:
                part = part.append_column("prediction", pa.array(rng.beta(2, 6, part.num_rows)))
            writer.write_table(part)
    return path


def _evaluate(study: Path, path: Path) -> tuple[float, float]:
    """Return the seconds and the peak memory, in MiB, of a process that evaluates a batch."""
    env = bake.environment(PYTHONPATH=str(study / "src"))
    words = ["env", "-C", str(study), sys.executable, "-c", WATCH, path.stem]
    output = study / "output.json"
    opened = (os.POSIX_SPAWN_OPEN, 1, str(output), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    process = os.posix_spawnp("env", words, env, file_actions=[opened])
    _, status, usage = os.wait4(process, 0)
    assert status == 0
    content: dict[str, Any] = json.loads(output.read_text())
    return content["seconds"], usage.ru_maxrss / 1024


def _baseline(study: Path) -> float:
    return len(load.read_files(study / "models/bundle.tar")[0]["baseline.json"]) / 1024


if __name__ == "__main__":
    main()
