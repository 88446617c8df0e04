"""Build a bundle: the model with all that answering needs, the same bytes each time."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

import headrace
from headrace.bundle import archive, baseline, card, environment, golden, inputs
from headrace.bundle import environment as needed
from headrace.bundle.card import Section
from headrace.core import project, requirements
from headrace.core.project import Project
from headrace.errors import DataError
from headrace.schema import json_schema

DOORS = ("predict", "trusted", "inputs")
"""What [tool.headrace] must name: what answers, the types of its model, the contract of a row."""


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

    `stage` is the one that makes it: all inputs of the pipeline must be among its deps. `model` is
    a file in canonical form, `learned` the inputs that the model learned from, `golden_rows` some
    inputs with the model's answers in the column `prediction`. `judged_predictions` are its answers
    to the rows on which it was judged, and `periods` how many batches the learned rows would make:
    live batches are held against both. `facts` are what answering needs to know besides, such as a
    threshold, and the metrics; `title`, `about` and `sections` make the card. `data` are the tables
    that the pipeline starts from.

    Errors:
        ProjectError: an input is not listed, or pyproject.toml does not say what a bundle needs.
        DataError: a table has not the contract's columns.
    """
    study = project.find_project(root)
    members, manifest = _contents(study, model, learned, golden_rows, facts, stage)
    known = baseline.describe(learned, predictions=judged_predictions, periods=periods)
    members["baseline.json"] = _json(known, indent=None)
    manifest["data"] = {
        file.relative_to(study.root).as_posix(): archive.sha256_of_file(file)
        for file in sorted(data)
    }
    told = card.provenance(manifest["parameters"], manifest["inputs"], manifest["environment"])
    text = card.markdown(title, about, {**sections, **told})
    members |= {"card.md": text.encode(), "card.html": card.page(text).encode()}
    return archive.seal(members, manifest)


def _contents(
    study: Project,
    model: Path,
    learned: pd.DataFrame,
    golden_rows: pd.DataFrame,
    facts: Mapping[str, Any],
    stage: str,
) -> tuple[archive.Files, dict[str, Any]]:
    schema = json_schema.from_pandera(study.load("inputs"))
    _same_columns(golden_rows, learned, [*schema["properties"]])
    packages = needed.serving_packages(study)
    code = inputs.code(study, DOORS)
    lock = needed.pinned_requirements(study.root / requirements.NAME, packages)
    members = {
        "model.skops": model.read_bytes(),
        "schema.json": _json(schema),
        "facts.json": _json(facts),
        "golden.json": _json(golden.records(golden_rows)),
        "requirements.txt": lock.encode(),
        **{name: (study.root / name).read_bytes() for name in code},
        **needed.vendored_wheels(study.root),
    }
    manifest = {
        "headrace_bundle": 1,
        "headrace": headrace.__version__,
        "doors": {door: study.settings[door] for door in DOORS},
        "environment": environment.describe(packages),
        "feature_code": inputs.combined_hash(code),
        "inputs": inputs.input_hashes(study, stage),
        "parameters": inputs.parameters(study, stage),
    }
    return members, manifest


def _same_columns(golden_rows: pd.DataFrame, learned: pd.DataFrame, wanted: list[str]) -> None:
    """Refuse tables that do not have the contract's columns, in its order."""
    tables = {"what the model learned from": (learned, wanted)}
    tables["the golden rows"] = golden_rows, [*wanted, golden.PREDICTION]
    for name, (table, columns) in tables.items():
        if list(table.columns) != columns:
            raise DataError(
                f"{name} has the columns {', '.join(map(str, table.columns))}; by the contract it"
                f" must have {', '.join(columns)}. Next: mend the table, or [tool.headrace] inputs"
            )


def _json(content: Any, *, indent: int | None = 1) -> bytes:
    text = json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()
