"""Rules on the files of notebooks: no outputs on disk, and one stage for each."""

import json
import shlex
from collections.abc import Iterator, Sequence

from headrace.core.requirements import MAX_LISTED
from headrace.core.stage import Stage
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
        if not stage.runs:
            location = study.at(stage.file, *stage.at("cmd"))
            yield Violation(location, stage=stage.group, cmd=stage.cmd)


@rule(repro=True)
def stage_name(study: Study) -> Iterator[Violation]:
    """Stage {stage} runs `{command}`, but {problem}.

    Next: {step}
    """
    # DVC removes a stage's outputs before the command says that it cannot be run so.
    reported = set()
    for stage in study.stages.values():
        for words in stage.runs:
            problem, step = _misnamed(stage, words)
            if problem and (stage.file, stage.group) not in reported:
                reported.add((stage.file, stage.group))  # of a matrix once
                location = study.at(stage.file, *stage.at("cmd"))
                command = " ".join(["headrace run", *words])
                yield Violation(
                    location, stage=stage.name, command=command, problem=problem, step=step
                )


def _misnamed(stage: Stage, words: Sequence[str]) -> tuple[str, str]:
    """Return what is wrong with the words behind `headrace run`, if anything, and the next step."""
    known = [word for word in words if not {*word} & {*"$`"}]  # others are filled in by the shell
    step = f"write headrace run {shlex.quote(stage.group)}"
    if len(known) > 1 or not words or any(word.startswith("-") for word in known):
        problem = "headrace run takes the name of a stage and nothing else"
        return problem, f"{step}, and give it values by params"
    if known and known[0] not in stage.aliases:
        return f"its own name is {stage.group}", f"{step}, or give {known[0]} a stage of its own"
    return "", ""


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
