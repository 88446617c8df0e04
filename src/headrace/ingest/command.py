"""The command `headrace ingest`: import a file as a batch, or import the labels of one.

Nothing has changed where it fails: all checks come before the first file is written.
"""

import json
import shlex
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from headrace.bundle import load
from headrace.core.project import Project
from headrace.core.tables import KINDS, kind
from headrace.errors import DataError, unreadable
from headrace.gates.model import Predictions
from headrace.ingest import batch, labels, manifest, types
from headrace.prediction_log import log_format
from headrace.report.text import counted
from headrace.schema.validate import validate

ARRIVALS = "arrivals"
"""The setting that names the study's own function for live data: a batch's name in, rows out."""
LOCK = ".headrace/ingest.lock"
WAITING_MESSAGE = "Another headrace ingest is running here; waiting for it"


def run(
    project: Project,
    source: Path,
    *,
    name: str = "",
    labels_of: str = "",
    replace: bool = False,
    forget: bool = False,
) -> None:
    """Import a file, or a server's log, as a batch; or import the labels of a batch.

    Errors:
        DataError: the file is not valid; nothing has changed.
        ProjectError: gates.yaml, params.yaml or dvc.yaml lacks what a batch needs.
    """
    if forget and not replace:
        raise DataError("--forget-truth needs --replace. Next: give both, or neither")
    spec = batch.prediction_spec(project.root)
    with _lock(project.root):
        if labels_of:
            _import_labels(project.root, source, labels_of, spec)
        else:
            _import_batch(project, source, name, spec, replace=replace, forget=forget)


def input_schema(project: Project) -> dict[str, Any]:
    """Return the JSON Schema of one row of inputs, from the working tree's bundle."""
    files, _ = load.read_files(load.default_path(project))
    schema: dict[str, Any] = json.loads(files["schema.json"])
    return schema


def read_file(path: Path) -> pd.DataFrame:
    """Read a CSV or Parquet file; the values of a CSV are text, to be read by column.

    Errors:
        DataError: it is neither, or cannot be read.
    """
    try:
        return pd.read_parquet(path) if kind(path) == ".parquet" else pd.read_csv(path, dtype=str)
    except (OSError, ValueError) as error:
        raise DataError(f"{unreadable(path.name, error)}. Next: see what wrote it") from None


def _lock(root: Path) -> AbstractContextManager[object]:
    """Wait until no other import runs here: two would each write a list without the other's."""
    path = root / LOCK
    path.parent.mkdir(exist_ok=True)
    lock = FileLock(path)
    try:
        return lock.acquire(blocking=False)
    except Timeout:
        print(WAITING_MESSAGE, flush=True)
        return lock.acquire()


def _import_batch(
    project: Project, source: Path, name: str, spec: Predictions, *, replace: bool, forget: bool
) -> None:
    root, schema = project.root, input_schema(project)
    name, rows = _read_source(project, source, name)
    table, notes = batch.normalize(rows, schema, spec), types.time_zone_notes(rows, spec)
    if batch.exists(root, name):
        table, summary = _update(root, name, table, spec, replace=replace, forget=forget)
        notes += [summary] if summary else []
    notes += batch.order_notes(root, name, table, spec)
    path = batch.file_name(name)
    manifest.texts_with(root, name)  # nothing is written where there is no place for the entries
    manifest.track(root, path, batch.add_predictions(project, table))
    # Read again: predicting and tracking takes a while, in which somebody may edit the files.
    manifest.write_texts(manifest.texts_with(root, name))
    invalid = int((validate(table[[*schema["properties"]]], schema)[1] != "").sum())
    violations = f", {invalid:,} against the contract" if invalid else ""
    print(f"{path}: {counted(len(table), 'row')}{violations}")
    _print_notes(root, path, notes)


def _read_source(project: Project, source: Path, name: str) -> tuple[str, pd.DataFrame]:
    """Return a batch's name and its rows; the name is checked before anything is read."""
    if _is_folder(source):
        if not name:
            raise DataError(
                f"{source} is a folder, from which no batch gets its name."
                f" Next: headrace ingest {shlex.quote(str(source))} --batch NAME, such as 2013-11"
            )
        batch.file_name(name)
        batches = [other for other in batch.batch_names(project.root) if other != name]
        return name, _read_log(source, project.root, batches)
    is_file = source.suffix in KINDS or _exists(source)
    name = name or (source.stem if is_file else source.name)
    batch.file_name(name)
    return name, read_file(source) if is_file else project.load(ARRIVALS)(source.name)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # the name is too long for a file
        return False


def _is_folder(path: Path) -> bool:
    return _exists(path) and path.is_dir()


def _read_log(folder: Path, root: Path, batches: Sequence[str]) -> pd.DataFrame:
    """Read the requests of a server's log that these batches do not have."""
    try:
        log = log_format.read(folder)
    except (OSError, ValueError) as error:
        raise DataError(f"{folder.name} cannot be read: {error}. Next: see what is there") from None
    # A log goes on while batches are made of it: what an earlier one has is left to that one.
    for table in (batch.read(root, name) for name in batches):
        if len(log) and "request" in table:
            log = log[~log["request"].isin(table["request"])]
    if not len(log):
        raise DataError(f"{folder.name} holds no rows that are in no batch. Next: headrace serve")
    return log.reset_index(drop=True)


def _update(
    root: Path, name: str, table: pd.DataFrame, spec: Predictions, *, replace: bool, forget: bool
) -> tuple[pd.DataFrame, str]:
    """Return the batch that takes the place of the one of this name, and a summary."""
    try:
        old = batch.read(root, name)
    except DataError as error:
        if replace and forget:
            return table, ""
        raise DataError(
            f"{error}; or --replace --forget-truth, which loses the labels that it has"
        ) from None
    if replace:
        return labels.replace(old, table, name, spec, forget=forget)
    table = labels.check_unchanged(old, table, name, spec)
    return table, "The same rows were imported before; they are unchanged"


def _import_labels(root: Path, source: Path, name: str, spec: Predictions) -> None:
    path = batch.file_name(name)
    if _is_folder(source):
        raise DataError(
            f"{source} is a folder, and labels are in a file. Next: name the file; a server's log"
            f" is imported by headrace ingest {shlex.quote(str(source))} --batch NAME"
        )
    table, update = batch.read(root, name), read_file(source)
    table, summary = labels.join(table, update, spec)
    manifest.track(root, path, table)
    print(f"{path}: {summary}")
    _print_notes(root, path, types.time_zone_notes(update, spec))


def _print_notes(root: Path, path: str, notes: Sequence[str]) -> None:
    for note in (*notes, *manifest.unlisted_notes(root)):
        print(note)
    print(f"Next: dvc repro monitor, then git add dvc.yaml params.yaml {path}.dvc and git commit")
