"""The command `headrace ingest`: a file becomes a batch, or nothing has changed."""

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from headrace.bundle import load
from headrace.bundle import load as bundles
from headrace.core.project import Project
from headrace.core.tables import KINDS
from headrace.errors import DataError, ProjectError
from headrace.gates import reader
from headrace.gates.model import NAME, Predictions
from headrace.ingest import batch, labels, manifest, replace, tables, time_order, types
from headrace.ingest import predictions as answers
from headrace.ingest.lock import alone
from headrace.schema.validate import validate

ARRIVALS = "arrivals"
"""The door to what comes in, by a batch's name, where it is no file."""


def run(found: Project, args: argparse.Namespace) -> None:
    """Take a file, or what the server wrote down, as a batch; or the truth of one.

    Errors:
        DataError: it is no batch; what is wrong is said, and nothing has changed.
        ProjectError: the study does not say what a batch needs.
    """
    if args.forget_truth and not args.replace:
        raise DataError("--forget-truth says what --replace may do. Next: give both, or neither")
    spec = predictions(found.root)
    with alone(found.root):
        if args.truth:
            _truth(found, args, spec)
        else:
            _batch(found, args, spec)


def predictions(root: Path) -> Predictions:
    """Return what gates.yaml says of predictions: key, label, cluster and prices.

    Errors:
        ProjectError: it does not say it.
    """
    path = root / NAME
    spec = reader.parse(path.read_bytes()).predictions if path.is_file() else None
    if spec is None:
        raise ProjectError(f"{NAME} has no block `predictions`. Next: say key and label there")
    return spec


def _batch(found: Project, args: argparse.Namespace, spec: Predictions) -> None:
    contract = schema(found)
    name, table = _table(found, args)
    made = batch.normal(table, contract, spec)
    where, says = batch.file(name), types.zoneless(table, spec)
    if replace.is_there(found.root, name):
        made, became = _again(found.root, name, made, spec, args)
        says += became
    says += time_order.says(found.root, name, made, spec)
    manifest.texts(found.root, name)  # where there is no place for it, nothing is written
    manifest.keep(found.root, where, answers.added(found, made))
    manifest.write(manifest.texts(found.root, name))  # anew: somebody may have edited them
    refused = int((validate(made[[*contract["properties"]]], contract)[1] != "").sum())
    print(f"{where}: {len(made):,} rows" + (f", {refused:,} break the contract" if refused else ""))
    _say(found.root, where, says)


def _table(found: Project, args: argparse.Namespace) -> tuple[str, pd.DataFrame]:
    """Return a batch's name and its rows as they come in; a wrong name is refused first."""
    source = args.source
    if _is_there(source) and source.is_dir():
        batch.file(args.batch)
        others = [one for one in batch.names(found.root) if one != args.batch]
        return args.batch, tables.served(source, found.root, others)
    is_file = _is_there(source) or source.suffix in KINDS
    name = args.batch or (source.stem if is_file else source.name)
    batch.file(name)
    return name, tables.read(source) if is_file else found.load(ARRIVALS)(source.name)


def _is_there(source: Path) -> bool:
    try:
        return source.exists()
    except OSError:  # its name is too long for a file
        return False


def _again(
    root: Path, name: str, made: pd.DataFrame, spec: Predictions, args: argparse.Namespace
) -> tuple[pd.DataFrame, list[str]]:
    """Return what becomes of a batch of which there is one already, and in words how."""
    try:
        old = batch.read(root, name)
    except DataError:
        if args.replace and args.forget_truth:
            return made, []
        raise
    if not args.replace:
        return replace.same(old, made, name, spec), []
    made, said = replace.instead(old, made, name, spec, forget=args.forget_truth)
    return made, [said]


def _truth(found: Project, args: argparse.Namespace, spec: Predictions) -> None:
    where = batch.file(args.truth)
    known, told = batch.read(found.root, args.truth), tables.read(args.source)
    made, said = labels.join(known, told, spec)
    manifest.keep(found.root, where, made)
    print(f"{where}: {said}")
    _say(found.root, where, types.zoneless(told, spec))


def schema(found: Project) -> dict[str, Any]:
    """Return the JSON Schema of one row of inputs, by the bundle of the working tree."""
    parts, _ = bundles.read_files(load.default_path(found))
    schema: dict[str, Any] = json.loads(parts["schema.json"])
    return schema


def _say(root: Path, where: str, says: list[str]) -> None:
    for line in [*says, *manifest.unlisted(root)]:
        print(line)
    print(f"Next: dvc repro monitor, then git add dvc.yaml params.yaml {where}.dvc and git commit")
