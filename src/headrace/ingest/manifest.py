"""A batch's place: its file, which DVC keeps, and its name in params.yaml and in dvc.yaml."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
from pyarrow import ArrowException

from headrace.core import atomic, yaml, yaml_edit
from headrace.errors import DataError, ProjectError
from headrace.ingest import batch

STAGE, PARAMETER = "monitor", "batches"
"""The stage that reads batches, and its parameter that lists them."""


def keep(root: Path, where: str, table: pd.DataFrame) -> None:
    """Write a batch whole, and have DVC keep it.

    Errors:
        DataError: a column holds what Parquet cannot.
        ProjectError: DVC cannot keep it.
    """
    try:
        atomic.write_whole(root / where, lambda path: table.to_parquet(path, index=False))
    except ArrowException as error:
        said = str(error).splitlines()[0]
        step = "Next: give each column values of one type"
        raise DataError(f"{where} cannot be written: {said}. {step}") from None
    words = [sys.executable, "-m", "dvc", "add", "--quiet", where]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip()
        raise ProjectError(f"dvc add {where}: {said}\nNext: mend it, and the same command again")


def texts(root: Path, name: str) -> dict[Path, str]:
    """Return the text of params.yaml and of dvc.yaml with a batch in them; comments stay.

    Errors:
        ProjectError: they have no stage and no parameter that a batch belongs to.
    """
    params, pipeline = root / "params.yaml", root / "dvc.yaml"
    deps = ("stages", STAGE, "deps")
    return {
        params: yaml_edit.add_item(params, (STAGE, PARAMETER), name, ordered=True),
        pipeline: yaml_edit.add_item(pipeline, deps, batch.file(name)),
    }


def write(made: dict[Path, str]) -> None:
    """Write texts where they differ from what lies there."""
    for path, text in made.items():
        if path.read_text("utf-8") != text:
            atomic.write_text(path, text)


def unlisted(root: Path) -> list[str]:
    """Return a sentence for each batch that lies there and that params.yaml does not list."""
    listed = yaml.lookup(yaml.read(root / "params.yaml"), f"{STAGE}.{PARAMETER}")
    known = [str(one) for one in listed] if isinstance(listed, list) else []
    return [
        f"{batch.file(name)} is not listed in params.yaml, so that the monitor does not read it."
        f" Next: headrace ingest {batch.file(name)}, or delete it"
        for name in batch.names(root)
        if name not in known
    ]
