"""Rules on the files of notebooks: no outputs on disk, and one stage for each."""

import json
from collections.abc import Iterator

from headrace.core.requirements import MAX_LISTED
from headrace.errors import join_names, nearest
from headrace.lint import notebook_ast
from headrace.lint.context import Location, Study
from headrace.lint.fixes import Strip
from headrace.lint.rules import Violation, rule

MIB = 2**20


@rule(repro=True)
def notebook_json(study: Study) -> Iterator[Violation]:
    """{notebook} is not a valid notebook: {problem}.

    Next: git checkout HEAD {notebook}, or save it again with make lab
    """
    for notebook in study.notebooks.values():
        if notebook.error:
            location = Location(notebook.name, line=1)
            yield Violation(location, notebook=notebook.name, problem=notebook.error)


@rule()
def notebook_outputs(study: Study) -> Iterator[Violation]:
    """The notebook contains {results}, so its bytes change when its code does not.

    Next: make fix (it strips them; make lab keeps outputs beside the notebook)
    """
    for notebook in study.notebooks.values():
        by_cell: dict[int, list[str]] = {}
        for number, name in notebook.stripped()[1]:
            by_cell.setdefault(number, []).append(name)
        for number, names in by_cell.items():
            location = Location(notebook.name, number, 1 if number else 0)
            yield Violation(location, Strip(notebook.name), results=join_names(names, MAX_LISTED))


@rule()
def notebook_without_stage(study: Study) -> Iterator[Violation]:
    """{notebook} belongs to no stage, so dvc repro does not run it.

    Next: give it a stage in dvc.yaml (cmd: headrace run NAME), or move it to notebooks/scratch/
    """
    if study.dvc_error:
        return
    run = {name for stage in study.stages.values() for name in stage.notebooks}
    for name in sorted(set(study.notebooks) - run):
        yield Violation(Location(name), notebook=name)


@rule()
def stage_without_notebook(study: Study) -> Iterator[Violation]:
    """Stage {stage} runs `{cmd}`, not a notebook of its own.

    Next: write its steps into a notebook, list that in deps, and set cmd: headrace run {stage}
    """
    for stage in study.groups:
        if not stage.names_run:
            location = study.at(stage.file, *stage.at("cmd"))
            yield Violation(location, stage=stage.group, cmd=stage.cmd)


@rule(repro=True)
def stage_name(study: Study) -> Iterator[Violation]:
    """Stage {stage} runs `headrace run {name}`, but its own name is {own}.

    Next: write headrace run {own}, or give {name} a stage of its own
    """
    # DVC removes a stage's outputs before the command says that there is no such stage.
    reported = set()
    for stage in study.stages.values():
        for name in stage.names_run:
            is_known = not name.startswith("-") and not {*name} & {*"$`"}  # the shell fills it in
            is_other = is_known and name not in (stage.group, stage.name)
            if is_other and (stage.file, stage.group) not in reported:
                reported.add((stage.file, stage.group))  # of a matrix once
                location = study.at(stage.file, *stage.at("cmd"))
                yield Violation(location, stage=stage.name, name=name, own=stage.group)


@rule(repro=True)
def stage_notebook(study: Study) -> Iterator[Violation]:
    """Stage {stage} must list one notebook among its deps; it lists {count}.

    Next: list its notebook, such as notebooks/01_{stage}.ipynb, and no other
    """
    for stage in study.stages.values():
        if stage.is_run and len(stage.notebooks) != 1:
            count = len(stage.notebooks)
            yield Violation(study.at_deps(stage), stage=stage.group, count=count)


@rule(repro=True)
def notebook_missing(study: Study) -> Iterator[Violation]:
    """Stage {stage} runs {notebook}, which is missing.{near}.

    Next: git checkout HEAD {notebook}, or write its new name into dvc.yaml
    """
    for stage in study.stages.values():
        for dep in stage.deps:
            if dep.path in stage.notebooks and dep.path not in study.notebooks:
                location = study.at(stage.file, *dep.keys)
                near = nearest(dep.path, study.notebooks)
                yield Violation(location, stage=stage.group, notebook=dep.path, near=near)


@rule()
def scratch_outputs(study: Study) -> Iterator[Violation]:
    """The notebook contains {mib:.1f} MiB of outputs, and git keeps every version forever.

    Next: in JupyterLab, Edit > Clear Outputs of All Cells, and save; or git rm --cached {notebook}
    """
    for name in sorted(set(study.scratch_names) & set(study.tracked)):
        if (size := outputs_size(study, name)) > MIB:
            yield Violation(Location(name), notebook=name, mib=size / MIB)


def outputs_size(study: Study, name: str) -> int:
    """Return the size of a notebook's outputs in bytes; 0 for a file of up to 1 MiB."""
    path = study.root / name
    if path.stat().st_size <= MIB:  # parsing it would take longer, and nobody asks for so little
        return 0
    cells = notebook_ast.read(path, name).cells
    return len(json.dumps([cell.outputs for cell in cells]))
