"""Part of `make bench`: a pipeline of notebooks beside papermill's engine, scripts and a process.

All of one measure are timed in turn, in one run and one environment, so that nobody is favoured.
"""

import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
from ruamel.yaml import YAML

from headrace.core import pipeline
from lab import bake, paths, turns

RUNS = 5
FILE = "metrics/engines.json"
PAPERMILL, SCRIPTS, PROCESS = "papermill's engine", "scripts", "one process"


@dataclass(frozen=True)
class Row:
    """Medians of headrace and a peer, in seconds or MiB, and the largest ratio that is allowed."""

    measure: str
    peer: str
    ours: float
    peers: float
    bar: float

    @property
    def ratio(self) -> float:
        """Ours to the peer's."""
        return self.ours / self.peers


def main() -> None:
    """Measure, print the table, write it to metrics/engines.json; 1 where a bar is missed."""
    rows = measure()
    print(f"\nMedians of {RUNS}, in turn\n")
    print(f"{'':<30}{'peer':<20}{'ours':>8}{'peer':>8}{'ratio':>7}{'bar':>6}")
    for row in rows:
        figures = f"{row.ours:>8.2f}{row.peers:>8.2f}{row.ratio:>7.2f}{row.bar:>6.2f}"
        print(f"{row.measure:<30}{row.peer:<20}{figures}")
    table = [vars(row) | {"ratio": round(row.ratio, 3)} for row in rows]
    (paths.root / FILE).write_text(json.dumps(table, indent=2, ensure_ascii=False) + "\n", "utf-8")
    missed = [f"{row.measure} ({row.peer})" for row in rows if row.ratio > row.bar]
    sys.exit(f"Above the bar: {', '.join(missed)}" if missed else 0)


def measure() -> list[Row]:
    """Return what each measure came to."""
    four = {f"s{index}": ["import numpy as np", "import pandas as pd", _WORK] for index in range(4)}
    fifty = {f"s{index}": ["print(size)"] for index in range(50)}
    cells = {"s0": [f"print({index})" for index in range(500)]}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        small = _ways(root / "four", partial(_project, stages=four))
        small |= _by_scripts(root / "four/scripts", four)
        study = _ways(root / "study", bake.bake)
        many = _ways(root / "fifty", partial(_project, stages=fifty))
        long = _one_stage(root / "cells", cells)
        large = _one_stage(root / "large", {"s0": [_LARGE]}, take=1)
        name = "four small notebooks"
        bars = {PAPERMILL: 0.25, SCRIPTS: 0.5, PROCESS: 1.5}
        return [
            *_rows(name, small, bars),
            *_rows("the flights study", study, {PAPERMILL: 0.6}),
            *_rows("50 stages of one line", many, {PAPERMILL: 0.15}, runs=3),
            *_rows("a notebook of 500 cells", long, {PAPERMILL: 0.3}, runs=3),
            *_rows("50 MB of output, peak memory", large, {PAPERMILL: 0.67}),
        ]


OURS = "headrace"
BY_PAPERMILL = "papermill {notebook} {run} --no-progress-bar"
"""A stage by papermill's own command and engine, with the defaults that the notebook declares."""
DVC = ("dvc", "repro", "--force")
_WORK = "pd.DataFrame(np.random.default_rng(size).normal(size=(size, 4))).describe()"
_LARGE = "for _ in range(50): print('x' * 1_000_000)"
Ways = dict[str, Callable[[], float]]


def _rows(measure: str, ways: Ways, bars: Mapping[str, float], runs: int = RUNS) -> list[Row]:
    """Run all ways in turn; return a row for each peer."""
    medians = {name: round(value, 3) for name, value in turns.medians(ways, runs).items()}
    return [Row(measure, peer, medians[OURS], medians[peer], bar) for peer, bar in bars.items()]


def _timed(folder: Path, *words: str, take: int = 0) -> float:
    """Return what a command took: 0 for its seconds, 1 for the MiB of its largest process."""
    begun = time.perf_counter()
    process = os.posix_spawnp(
        "env",
        ["env", "-C", str(folder), *words],
        bake.environment(PYTHONPATH=str(folder / "src")),  # papermill knows no project
        file_actions=[
            (os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)
        ],
    )
    _, status, usage = os.wait4(process, 0)
    assert status == 0, f"{words} ended with {status}"
    return (time.perf_counter() - begun, usage.ru_maxrss / 1024)[take]


def _one_stage(folder: Path, stages: dict[str, list[str]], take: int = 0) -> Ways:
    """Make a study of one notebook, and run it without DVC."""
    study = _project(folder, stages)
    papermill = BY_PAPERMILL.format(notebook="notebooks/s0.ipynb", run="runs/s0.ipynb").split()
    return {
        OURS: partial(_timed, study, "headrace", "run", "s0", take=take),
        PAPERMILL: partial(_timed, study, *papermill, take=take),
    }


def _ways(folder: Path, make: Callable[[Path], Path]) -> Ways:
    """Make a study twice, the second with papermill's own command in every stage."""
    headrace, papermill = (make(folder / engine) for engine in ("headrace", "papermill"))
    text = (papermill / "dvc.yaml").read_text()
    for name, stage in pipeline.read(papermill, "dvc.yaml").items():
        command = BY_PAPERMILL.format(notebook=stage.notebook, run=f"runs/{name}.ipynb")
        text = text.replace(f"headrace run {name}\n", f"{command}\n")
    (papermill / "dvc.yaml").write_text(text)
    for study in (headrace, papermill):
        bake.commit(study)
    return {OURS: partial(_timed, headrace, *DVC), PAPERMILL: partial(_timed, papermill, *DVC)}


def _by_scripts(folder: Path, stages: dict[str, list[str]]) -> Ways:
    """Make the same cells into scripts, for stages of DVC and for one bare process."""
    study = _project(folder, stages)
    text = (study / "dvc.yaml").read_text()
    for name, sources in stages.items():
        lines = ["size = 10_000", *sources[:-1], f"print({sources[-1]})"]
        (study / f"{name}.py").write_text("\n".join(lines) + "\n")
        text = text.replace(f"headrace run {name}\n", f"python {name}.py > runs/{name}.ipynb\n")
    (study / "dvc.yaml").write_text(text)
    bake.commit(study)
    code = "import runpy, sys\nfor name in sys.argv[1:]: runpy.run_path(name)"
    names = [f"{name}.py" for name in stages]
    return {
        SCRIPTS: partial(_timed, study, *DVC),
        PROCESS: partial(_timed, study, sys.executable, "-c", code, *names),
    }


def _project(folder: Path, stages: dict[str, list[str]]) -> Path:
    """Make a study of small notebooks, to see what a stage costs beside the user's computing."""
    entries = {
        name: {
            "cmd": f"headrace run {name}",
            "deps": [f"notebooks/{name}.ipynb"],
            "params": [name],
            "outs": [f"runs/{name}.ipynb"],
        }
        for name in stages
    }
    fields = "".join(f"    {name}: Stage\n" for name in stages)
    files = {
        "dvc.yaml": _yaml({"stages": entries}),
        "params.yaml": _yaml({name: {"size": 10_000} for name in stages}),
        "src/small/__init__.py": "",
        "src/small/params.py": f"{_MODEL}\n\nclass Params(BaseModel):\n{fields}",
        "pyproject.toml": '[tool.headrace]\nparams = "small.params:Params"\n',
        "runs/.gitignore": "/*.ipynb\n/.partial\n/failed\n",
        ".gitignore": "/.headrace\n/metrics\n",
        ".dvc/config": "[core]\n    analytics = false\n",
        ".dvc/.gitignore": "/tmp\n/cache\n",
    }
    files |= {f"notebooks/{name}.ipynb": _notebook(cells) for name, cells in stages.items()}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


_MODEL = """\
from pydantic import BaseModel


class Stage(BaseModel):
    size: int
"""


def _yaml(content: dict[str, Any]) -> str:
    text = io.StringIO()
    YAML(typ="safe").dump(content, text)
    return text.getvalue()


def _notebook(sources: list[str]) -> str:
    parameters = nbformat.v4.new_code_cell(
        "size = 10_000", id="p", metadata={"tags": ["parameters"]}
    )
    cells = [nbformat.v4.new_code_cell(text, id=f"c{i}") for i, text in enumerate(sources)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    node = nbformat.v4.new_notebook(cells=[parameters, *cells], metadata={"kernelspec": kernel})
    return str(nbformat.writes(node)) + "\n"


if __name__ == "__main__":
    main()
