"""The entries of a batch: its file in DVC, its name in params.yaml, its file in dvc.yaml."""

import subprocess
from pathlib import Path

import pandas as pd
from pyarrow import ArrowException

from headrace.core import atomic, processes, yaml, yaml_edit
from headrace.core.stage import MAIN, PARAMS
from headrace.errors import DataError, ProjectError, reason
from headrace.ingest.batch import batch_names, file_name

STAGE, PARAMETER = "monitor", "batches"
"""The stage that reads batches, and its parameter that lists them."""


def track(root: Path, path: str, table: pd.DataFrame) -> None:
    """Write a batch whole, and add it to DVC.

    Errors:
        DataError: a column has values that Parquet cannot hold.
        ProjectError: DVC refused it.
    """
    try:
        atomic.write_whole(root / path, lambda file: table.to_parquet(file, index=False))
    except ArrowException as error:
        step = "Next: give each column values of one type"
        raise DataError(f"{path} cannot be written: {reason(error)}. {step}") from None
    command = processes.dvc_command("add", "--quiet", path)
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if result.returncode:
        problem = result.stderr.strip()
        raise ProjectError(f"dvc add {path}: {problem}\nNext: fix it, and run the command again")


def texts_with(root: Path, name: str) -> dict[Path, str]:
    """Return the texts of params.yaml and dvc.yaml with a batch in them; comments stay.

    Errors:
        ProjectError: they have no stage or no parameter for batches.
    """
    params, pipeline = root / PARAMS, root / MAIN
    deps = ("stages", STAGE, "deps")
    return {
        params: yaml_edit.add_item(params, (STAGE, PARAMETER), name, ordered=True),
        pipeline: yaml_edit.add_item(pipeline, deps, file_name(name)),
    }


def write_texts(texts: dict[Path, str]) -> None:
    """Write the texts that differ from what the files hold."""
    for path, text in texts.items():
        if path.read_text("utf-8") != text:
            atomic.write_text(path, text)


def listed_batches(root: Path) -> list[str]:
    """Return the batches that params.yaml lists, as they stand there."""
    batches = yaml.lookup(yaml.read(root / PARAMS), f"{STAGE}.{PARAMETER}")
    return [str(name) for name in batches] if isinstance(batches, list) else []


def unlisted_notes(root: Path) -> list[str]:
    """Return a note for each batch in the folder that params.yaml does not list."""
    listed = listed_batches(root)
    return [
        f"{file_name(name)} is not listed in params.yaml, so the monitor does not read it."
        f" Next: headrace ingest {file_name(name)}, or delete it"
        for name in batch_names(root)
        if name not in listed
    ]
