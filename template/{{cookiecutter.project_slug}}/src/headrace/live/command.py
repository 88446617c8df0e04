"""The command `headrace ingest`: a file becomes a batch, or nothing has changed."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from headrace import files
from headrace.bundle import command
from headrace.bundle import read as bundles
from headrace.diff import gatesfile
from headrace.diff.rules import NAME, Predictions
from headrace.errors import DataError, ProjectError
from headrace.live import answers, batch, declared, tables, truth
from headrace.project import Project
from headrace.score.judge import judge
from headrace.score.tables import KINDS

ARRIVALS = "arrivals"
"""The door to what comes in, by a batch's name, where it is no file."""


def run(found: Project, args: argparse.Namespace) -> None:
    """Take a file, or what the server wrote down, as a batch; or the truth of one.

    Errors:
        DataError: it is no batch; what is wrong is said, and nothing has changed.
        ProjectError: the study does not say what a batch needs.
    """
    spec = predictions(found.root)
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
    spec = gatesfile.parse(path.read_bytes()).predictions if path.is_file() else None
    if spec is None:
        raise ProjectError(f"{NAME} has no block `predictions`. Next: say key and label there")
    return spec


def _batch(found: Project, args: argparse.Namespace, spec: Predictions) -> None:
    contract = schema(found)
    known = batch.names(found.root)
    if args.source.is_dir():
        name, table = args.batch, tables.served(args.source, found.root, known)
    elif args.source.exists() or args.source.suffix in KINDS:
        name, table = args.batch or args.source.stem, tables.read(args.source, spec)
    else:
        name = args.batch or args.source.name
        table = found.load(ARRIVALS)(args.source.name)
    where = batch.file(name)
    made = batch.normal(table, contract, spec)
    if name in known and not args.replace and not batch.read(found.root, name).equals(made):
        raise DataError(f"{where} is there already, and is another. Next: --replace, or --batch")
    texts = declared.texts(found.root, name)
    _keep(found.root, where, answers.added(found, made))
    declared.write(texts)
    refused = int((judge(made[[*contract["properties"]]], contract)[1] != "").sum())
    print(f"{where}: {len(made):,} rows" + (f", {refused:,} break the contract" if refused else ""))
    _say_order(found.root, name, made, spec)
    _say_next(where)


def _truth(found: Project, args: argparse.Namespace, spec: Predictions) -> None:
    where = batch.file(args.truth)
    known = batch.read(found.root, args.truth)
    made, said = truth.join(known, tables.read(args.source, spec), spec)
    _keep(found.root, where, made)
    print(f"{where}: {said}")
    _say_next(where)


def schema(found: Project) -> dict[str, Any]:
    """Return the JSON Schema of one row of inputs, by the bundle of the working tree."""
    parts, _ = bundles.checked(command.default(found))
    schema: dict[str, Any] = json.loads(parts["schema.json"])
    return schema


def _keep(root: Path, where: str, table: pd.DataFrame) -> None:
    """Write a batch whole, and have DVC keep it."""
    files.write_whole(root / where, lambda path: table.to_parquet(path, index=False))
    words = [sys.executable, "-m", "dvc", "add", "--quiet", where]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProjectError(f"dvc add {where}: {done.stderr.strip()}")


def _say_order(root: Path, name: str, made: pd.DataFrame, spec: Predictions) -> None:
    """Say where a batch begins before the one before it has ended: its clock went backwards."""
    before = [other for other in batch.names(root) if other < name]
    clock = next((one for one in (spec.cluster, "time") if one in made), "")
    if not before or not clock:
        return
    earlier = batch.read(root, before[-1])
    if clock in earlier and made[clock].min() < earlier[clock].max():
        print(
            f"It begins at {made[clock].min()}, before {before[-1]} ends"
            f" ({earlier[clock].max()}): see that the clock did not go backwards"
        )


def _say_next(where: str) -> None:
    print(f"Next: dvc repro monitor, then git add dvc.yaml params.yaml {where}.dvc and git commit")
