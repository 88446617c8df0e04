"""Build a bundle: the model with all that serving needs, the same bytes each time."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

import headrace
from headrace.bundle import archive, baseline, card, environment, golden, inputs
from headrace.bundle.card import Section
from headrace.core import project as projects
from headrace.core import requirements
from headrace.core.project import Project
from headrace.errors import DataError
from headrace.schema import json_schema

DOORS = ("predict", "trusted", "inputs")
"""The entry points in [tool.headrace]: what predicts, the model's types, one row's contract."""


def bundle(
    root: Path,
    *,
    stage: str,
    model: Path,
    learned: pd.DataFrame,
    golden_rows: pd.DataFrame,
    judged_predictions: golden.Vector,
    periods: int,
    facts: Mapping[str, Any],
    title: str,
    about: str,
    sections: Mapping[str, Section],
    data: Iterable[Path],
) -> bytes:
    """Return the bytes of a bundle for the study in a folder.

    `stage` makes it and lists all inputs of the pipeline; `data` are the raw tables. `golden_rows`
    are inputs with the model's `prediction`. Live batches are compared with what it `learned` from,
    `periods` batches long, and with its predictions for the evaluation rows (`judged_predictions`).

    Errors:
        ProjectError: an input is not listed, or pyproject.toml lacks a setting.
        DataError: a table has other columns than the contract.
    """
    study = projects.find_project(root)
    schema = json_schema.from_pandera(study.load("inputs"))
    _require_columns(golden_rows, learned, [*schema["properties"]])
    distributions = baseline.describe(learned, predictions=judged_predictions, periods=periods)
    manifest = _manifest(study, stage, data)
    files = {
        "model.skops": model.read_bytes(),
        "schema.json": _json(schema),
        "facts.json": _json(facts),
        "golden.json": _json(golden.records(golden_rows)),
        "baseline.json": _json(distributions, indent=None),
    }
    files |= _code(study, manifest["environment"]["packages"])
    return archive.seal(files | _card(title, about, sections, manifest), manifest)


def _require_columns(golden_rows: pd.DataFrame, learned: pd.DataFrame, names: list[str]) -> None:
    """Refuse tables that do not have the contract's columns, in its order."""
    tables = {
        "learned": (learned, names),
        "golden_rows": (golden_rows, [*names, golden.PREDICTION]),
    }
    for name, (table, columns) in tables.items():
        if list(table.columns) != columns:
            raise DataError(
                f"{name} has the columns {', '.join(map(str, table.columns))}, but the contract has"
                f" {', '.join(columns)}. Next: fix the table, or [tool.headrace] inputs"
            )


def _manifest(study: Project, stage: str, data: Iterable[Path]) -> dict[str, Any]:
    tables = {path.relative_to(study.root).as_posix(): path for path in sorted(data)}
    return {
        "headrace_bundle": 1,
        "headrace": headrace.__version__,
        "feature_code": inputs.combined_hash(inputs.code_hashes(study, DOORS)),
        "doors": {door: study.settings[door] for door in DOORS},
        "environment": environment.describe(environment.serving_packages(study)),
        "inputs": inputs.input_hashes(study, stage),
        "parameters": inputs.parameters(study, stage),
        "data": {name: archive.sha256_of_file(path) for name, path in tables.items()},
    }


def _code(study: Project, packages: Iterable[str]) -> archive.Files:
    """Return the modules of the study that predict, and what they need to be installed."""
    lock = environment.pinned_requirements(study.root / requirements.NAME, packages)
    modules = inputs.code_hashes(study, DOORS)
    return {
        "requirements.txt": lock.encode(),
        **{name: (study.root / name).read_bytes() for name in modules},
        **environment.vendored_wheels(study.root),
    }


def _card(
    title: str, about: str, sections: Mapping[str, Section], manifest: Mapping[str, Any]
) -> archive.Files:
    parts = (manifest["parameters"], manifest["inputs"], manifest["environment"])
    text = card.markdown(title, about, {**sections, **card.provenance(*parts)})
    return {"card.md": text.encode(), "card.html": card.page(text).encode()}


def _json(content: Any, *, indent: int | None = 1) -> bytes:
    text = json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()
