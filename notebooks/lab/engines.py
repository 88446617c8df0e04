"""Part of `make bench`: our engine beside papermill's own, turn by turn, in one run."""

import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import nbformat
from ruamel.yaml import YAML

from headrace.core import pipeline
from lab import bake, paths

RUNS = 5
BARS = {"four notebooks": 0.72, "the flights study": 0.72, "500 cells": 0.3, "50 MB, memory": 1.0}
"""The largest ratio, ours to papermill's, that is good enough."""

PAPERMILL = "papermill {notebook} {run} --no-progress-bar"
"""A stage by papermill's own command and engine, with the defaults that the notebook declares."""


@dataclass(frozen=True)
class Measured:
    """Medians of both engines: seconds, or MiB."""

    headrace: float
    papermill: float

    @property
    def ratio(self) -> float:
        """Ours to papermill's."""
        return self.headrace / self.papermill


def main() -> None:
    """Measure, print the table, write it to metrics/engines.json; 1 where a bar is missed."""
    results = measure()
    print(f"\nMedians of {RUNS}, our engine and papermill's own in turn\n")
    print(f"{'':<20}{'ours':>10}{'papermill':>11}{'ratio':>8}{'bar':>7}")
    for name, measured in results.items():
        row = f"{measured.headrace:>10.2f}{measured.papermill:>11.2f}{measured.ratio:>8.2f}"
        print(f"{name:<20}{row}{BARS[name]:>7.2f}")
    table = {name: vars(m) | {"ratio": round(m.ratio, 3)} for name, m in results.items()}
    (paths.root / "build/engines.json").write_text(json.dumps(table, indent=2) + "\n")
    missed = [name for name, measured in results.items() if measured.ratio > BARS[name]]
    sys.exit(f"Above the bar: {', '.join(missed)}" if missed else 0)


def measure() -> dict[str, Measured]:
    """Return what each measure came to."""
    four = {f"s{index}": ["import numpy as np", "import pandas as pd", _WORK] for index in range(4)}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        return {
            "four notebooks": _in_turn(
                *_by_both(root / "four", lambda at: _project(at, four), DVC)
            ),
            "the flights study": _in_turn(*_by_both(root / "study", bake.bake, DVC)),
            "500 cells": _in_turn(*_one_stage(root / "cells", [f"print({i})" for i in range(500)])),
            "50 MB, memory": _in_turn(*_one_stage(root / "large", [_LARGE]), take=1),
        }


DVC = ("dvc", "repro", "--force")
_WORK = "pd.DataFrame(np.random.default_rng(size).normal(size=(size, 4))).describe()"
_LARGE = "for _ in range(50): print('x' * 1_000_000)"
Command = Callable[[], tuple[float, float]]


def _in_turn(headrace: Command, papermill: Command, *, take: int = 0) -> Measured:
    """Call one and the other in turn; `take` is 0 for the seconds and 1 for the memory."""
    pairs = [(headrace()[take], papermill()[take]) for _ in range(RUNS)]
    return Measured(*(round(median(column), 3) for column in zip(*pairs, strict=True)))


def _timed(folder: Path, *words: str) -> tuple[float, float]:
    """Return seconds and the peak memory, in MiB, of a command's largest process."""
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
    return time.perf_counter() - begun, usage.ru_maxrss / 1024


def _one_stage(folder: Path, sources: list[str]) -> list[Command]:
    """Make a study of one notebook, and run it without DVC."""
    study = _project(folder, {"s0": sources})
    papermill = PAPERMILL.format(notebook="notebooks/s0.ipynb", run="runs/s0.ipynb").split()
    return [lambda: _timed(study, "headrace", "run", "s0"), lambda: _timed(study, *papermill)]


def _by_both(folder: Path, make: Callable[[Path], Path], words: tuple[str, ...]) -> list[Command]:
    """Make a study twice, the second with papermill's own command in every stage."""
    headrace, papermill = (make(folder / engine) for engine in ("headrace", "papermill"))
    _by_papermill(papermill)
    for study in (headrace, papermill):
        bake.commit(study)
    return [lambda: _timed(headrace, *words), lambda: _timed(papermill, *words)]


def _by_papermill(study: Path) -> None:
    text = (study / "dvc.yaml").read_text()
    for name, stage in pipeline.read(study, pipeline.MAIN).items():
        command = PAPERMILL.format(notebook=stage.notebook, run=f"runs/{name}.ipynb")
        text = text.replace(f"headrace run {name}\n", f"{command}\n")
    (study / "dvc.yaml").write_text(text)


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
