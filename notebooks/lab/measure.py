"""Measure what the template makes, and how a study made from it behaves."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from headrace.core.metrics import leaves
from headrace.execution import sandbox
from lab import bake, paths

KINDS = {".py": "Python", ".ipynb": "notebooks", ".md": "prose", ".yaml": "YAML", ".yml": "YAML"}
JINJA = ("{{", "{%", "{#")


def files(study: Path) -> pd.DataFrame:
    """Return the files of a fresh study: file, kind, lines; generated locks and schemas apart."""
    names = sorted(path for path in study.rglob("*") if path.is_file() and ".git" not in path.parts)
    rows = [
        {"file": str(path.relative_to(study)), "kind": _kind(path), "lines": _lines(path)}
        for path in names
    ]
    return pd.DataFrame(rows)


def _kind(path: Path) -> str:
    if path.suffix in (".lock", ".json", ".whl"):
        return "generated"
    if path.suffix == ".py" and "tests" in path.parts:
        return "tests"
    return KINDS.get(path.suffix, "settings")


def _lines(path: Path) -> int:
    if path.suffix == ".whl":  # one file, of no lines
        return 0
    if path.suffix != ".ipynb":
        return len(path.read_text("utf-8").splitlines())
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return sum(len(cell["source"]) for cell in cells)


def jinja_lines() -> dict[str, int]:
    """Return, for each of the template's own files that hold Jinja, how many lines do.

    The workflows' own `${{ … }}` are GitHub's, and are copied as they are.
    """
    counts = {}
    for name in bake.template_files():
        if "/.github/" in name or name.endswith(".whl"):
            continue
        lines = (paths.root / name).read_text("utf-8").splitlines()
        count = sum(any(mark in line for mark in JINJA) for line in lines)
        if count:
            counts[name.removeprefix("template/")] = count
    return counts


def repro(study: Path, **values: object) -> dict[str, Any]:
    """Set parameters by their dotted names, run `dvc repro`, and return what it came to.

    stages_run, skipped, seconds, and the study's evaluation as dotted names.
    """
    sandbox.set_parameters(
        study / "params.yaml", {k.replace("__", "."): v for k, v in values.items()}
    )
    begun = time.perf_counter()
    output = bake.run(study, "dvc", "repro").stdout
    seconds = time.perf_counter() - begun
    scores: Mapping[str, Any] = json.loads((study / "metrics/evaluate.json").read_text())
    return {
        "stages_run": output.count("Running stage "),
        "skipped": output.count("didn't change, skipping"),
        "seconds": round(seconds, 2),
        **{name: value for name, value in leaves(scores) if ".gaps." not in name},
    }
