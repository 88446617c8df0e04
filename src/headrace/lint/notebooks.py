"""Rules on the files of notebooks: what they hold, and whose they are."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from headrace.core.suggest import nearest
from headrace.lint import notebook_ast
from headrace.lint.context import Study
from headrace.lint.fixes import Strip
from headrace.lint.notebook_ast import Cell, Notebook
from headrace.lint.rules import Found, Place, found, rule

MIB = 2**20
VOLATILE = ("widgets", "language_info")
VOLATILE_IN_CELLS = (
    "collapsed",
    "ExecuteTime",
    "execution",
    "heading_collapsed",
    "hidden",
    "scrolled",
)
"""What `nbstripout --keep-id --extra-keys metadata.language_info` takes out, and nothing else."""


@rule(repro=True)
def notebook_json(study: Study) -> Iterator[Found]:
    """{notebook} is no notebook: {problem}.

    Next: git checkout HEAD {notebook}, or save it anew with make lab
    """
    for notebook in study.notebooks.values():
        if notebook.error:
            yield found(
                Place(notebook.name, line=1), notebook=notebook.name, problem=notebook.error
            )


@rule()
def notebook_outputs(study: Study) -> Iterator[Found]:
    """It holds {what}, so its bytes change without its code.

    Next: make fix (it strips them; make lab keeps them beside the notebook)
    """
    for notebook in study.notebooks.values():
        for number, what in _volatile(notebook):
            place = Place(notebook.name, number, 1 if number else 0)
            yield found(place, Strip(notebook.name), what=what)


def _volatile(notebook: Notebook) -> Iterator[tuple[int, str]]:
    """Yield the cell (0 for the notebook's own) and what in it `nbstripout` would take out."""
    metadata = notebook.content.get("metadata")
    own = metadata if isinstance(metadata, dict) else {}
    for key in VOLATILE:
        if key in own:
            yield 0, f"metadata.{key}"
    for cell in notebook.cells:
        if what := [*_outputs(cell, own), *_volatile_keys(cell)]:
            yield cell.number, ", ".join(what)


def _outputs(cell: Cell, metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yield what of a run a cell holds; outputs may stay where the user marked them so."""
    counted = (isinstance(one, dict) and one.get("execution_count") for one in cell.outputs)
    if not _is_kept(cell, default=bool(metadata.get("keep_output", False))):
        if cell.outputs:
            yield "outputs"
    elif any(counted):
        yield "execution counts in its outputs"
    if cell.content.get("execution_count") or cell.content.get("prompt_number"):
        yield "an execution count"


def _is_kept(cell: Cell, *, default: bool) -> bool:
    """Tell whether nbstripout keeps a cell's outputs."""
    if "init_cell" in cell.metadata:
        return bool(cell.metadata["init_cell"])
    if "keep_output" in cell.metadata or "keep_output" in cell.tags:
        return bool(cell.metadata.get("keep_output", True))
    return default


def _volatile_keys(cell: Cell) -> Iterator[str]:
    return (f"metadata.{key}" for key in VOLATILE_IN_CELLS if key in cell.metadata)


@rule()
def notebook_without_stage(study: Study) -> Iterator[Found]:
    """{notebook} is no stage's notebook, so dvc repro does not run it.

    Next: give it a stage in dvc.yaml (cmd: headrace run NAME), or move it to notebooks/scratch/
    """
    if study.dvc_error:
        return
    run = {name for stage in study.stages.values() for name in stage.notebooks}
    for name in sorted(set(study.notebooks) - run):
        yield found(Place(name), notebook=name)


@rule()
def stage_without_notebook(study: Study) -> Iterator[Found]:
    """Stage {stage} is run by `{cmd}`, and not as a notebook of its own.

    Next: write its steps into a notebook, list that in deps, and set cmd: headrace run {stage}
    """
    for stage in study.stages.values():
        if not stage.is_run:
            yield found(study.at(stage.file, *stage.at("cmd")), stage=stage.name, cmd=stage.cmd)


@rule(repro=True)
def stage_notebook(study: Study) -> Iterator[Found]:
    """Stage {stage} must list one notebook among its deps; it lists {count}.

    Next: list notebooks/01_{stage}.ipynb, or whatever its notebook is called, and no other
    """
    for stage in study.stages.values():
        if stage.is_run and len(stage.notebooks) != 1:
            yield found(study.at_deps(stage), stage=stage.name, count=len(stage.notebooks))


@rule(repro=True)
def notebook_missing(study: Study) -> Iterator[Found]:
    """Stage {stage} runs {notebook}, which is missing.{near}.

    Next: git checkout HEAD {notebook}, or, if it has a new name, write that into dvc.yaml
    """
    for stage in study.stages.values():
        for dep in stage.deps:
            if dep.path in stage.notebooks and dep.path not in study.notebooks:
                near = nearest(dep.path, study.notebooks)
                place = study.at(stage.file, *dep.keys)
                yield found(place, stage=stage.name, notebook=dep.path, near=near)


@rule()
def scratch_outputs(study: Study) -> Iterator[Found]:
    """It holds {mib:.1f} MiB of outputs, and git keeps every version of them for good.

    Next: in JupyterLab, Edit > Clear Outputs of All Cells, and save; or git rm --cached {notebook}
    """
    for name in sorted(set(study.scratch_names) & set(study.tracked)):
        if (size := outputs_size(study, name)) > MIB:
            yield found(Place(name), notebook=name, mib=size / MIB)


def outputs_size(study: Study, name: str) -> int:
    """Return how many bytes the outputs of a notebook take, where the file is a large one."""
    path = study.root / name
    if path.stat().st_size <= MIB:
        return 0
    cells = notebook_ast.read(path, name).cells
    return len(json.dumps([cell.outputs for cell in cells]))
