"""A batch's place in params.yaml and in dvc.yaml."""

from pathlib import Path

from headrace import files, yamledit
from headrace.live import batch

STAGE, PARAMETER = "monitor", "batches"
"""The stage that reads batches, and its parameter that lists them."""


def texts(root: Path, name: str) -> dict[Path, str]:
    """Return the text of params.yaml and of dvc.yaml with a batch in them; comments stay.

    Errors:
        ProjectError: they have no stage and no parameter that a batch belongs to.
    """
    params, pipeline = root / "params.yaml", root / "dvc.yaml"
    deps = ("stages", STAGE, "deps")
    return {
        params: yamledit.added(params, (STAGE, PARAMETER), name, ordered=True),
        pipeline: yamledit.added(pipeline, deps, batch.file(name)),
    }


def write(made: dict[Path, str]) -> None:
    """Write texts where they differ from what lies there."""
    for path, text in made.items():
        if path.read_text("utf-8") != text:
            files.write_text(path, text)
