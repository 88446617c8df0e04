"""Rules on parameters: params.yaml, the typed model, dvc.yaml and the notebooks say the same."""

import re
from collections.abc import Iterator

from headrace.core import notebook as notebooks
from headrace.core.parameter_check import Disagreement, disagreements
from headrace.core.pipeline import Stage
from headrace.core.suggest import nearest_name
from headrace.errors import HeadraceError, NotebookError, ParameterError
from headrace.lint.context import DVC, Study
from headrace.lint.notebook_ast import Notebook
from headrace.lint.rules import PREFIX, Found, Place, found, rule, split
from headrace.lint.stage_params import Exchange, defaults, exchanges, the_parameters_cell

FILE = "params.yaml"


@rule(repro=True)
def dvc_yaml(study: Study) -> Iterator[Found]:
    """The pipeline file cannot be used: {problem}.

    Next: {step}
    """
    if study.dvc_error:
        prefix = PREFIX.match(study.dvc_error)
        file = prefix["file"] if prefix else DVC
        yield _said(study.dvc_error, Place(file, line=1), step=f"mend {file}")


@rule(repro=True)
def params_yaml(study: Study) -> Iterator[Found]:
    """params.yaml cannot be used: {problem}.

    Next: {step}
    """
    step = f"set it right in {FILE}; the typed model says what each value may be"
    try:
        _ = study.parameters
    except ParameterError as error:
        for line in str(error).splitlines():
            place = study.at(FILE, *map(str, error.places.get(line, ())))
            yield _said(line, place, step=step)
    except HeadraceError as error:
        yield _said(str(error), Place(FILE, line=1), step=step)


def _said(message: str, place: Place, *, step: str, stage: str = "") -> Found:
    """Turn a message of `headrace run` into a finding at a place, or at the one that it names."""
    place, problem, own = split(message, place)
    return found(place, problem=problem, step=own or step, stage=stage)


@rule(repro=True)
def parameters_cell(study: Study) -> Iterator[Found]:
    """The parameters cell cannot be used: {problem}.

    Next: {step}
    """
    for stage, notebook in study.runs:
        try:
            _ = notebook.error or defaults(study, notebook)
        except NotebookError as error:
            cell, line = the_parameters_cell(notebook), re.match(r".*?, line (\d+): ", str(error))
            place = Place(notebook.name, cell.number, int(line[1])) if cell and line else None
            text = str(error)[line.end() :] if line else str(error)
            step = "hold nothing but lines such as `max_iter = 200` in it"
            yield _said(text, place or Place(notebook.name), step=step, stage=stage.name)


@rule(repro=True)
def parameters_listed(study: Study) -> Iterator[Found]:
    """The stage's params do not fit its notebook: {problem}.

    Next: {step}
    """
    for one in exchanges(study):
        stage = one.stage
        if one.error:
            place = study.at(stage.file, *stage.at("params", *_index(stage, one.error)))
            step = f"list names of {FILE} in the stage's params"
            yield _said(one.error, place, step=step, stage=stage.name)
        for index, dotted in one.unused:
            what = f"stage {stage.name} lists {dotted}, but its notebook takes nothing of it"
            step = "take it out of the stage's params, or its names into the parameters cell"
            place = study.at(stage.file, *stage.at("params", index))
            yield found(place, problem=what, step=step, stage=stage.name)
        for name, dotted in one.unlisted.items():
            what = (
                f"{one.notebook.name} takes {name}, but stage {stage.name} does not list {dotted}"
            )
            step = f"list {dotted} in the stage's params, or take {name} out of the notebook"
            place = study.at(stage.file, *stage.at("params"))
            yield found(place, problem=what, step=step, stage=stage.name)


def _index(stage: Stage, message: str) -> list[int]:
    """Return which entry of a stage's params a message speaks of."""
    listed = stage.body.get("params")
    entries = listed if isinstance(listed, list) else []
    return [place for place, entry in enumerate(entries) if f" {entry} " in message][:1]


@rule(repro=True)
def parameters_agree(study: Study) -> Iterator[Found]:
    """The notebook and params.yaml disagree: {problem}.

    Next: {step}
    """
    for one in exchanges(study):
        for disagreement in _disagreements(one):
            name = disagreement.name
            if name not in one.told:
                place = _of_default(one.notebook, name) if disagreement.in_cell else None
                place = place or study.at(FILE, *one.key(name))
                step = "give both the same names"
                yield _said(disagreement.message, place, step=step, stage=one.stage.name)


def _disagreements(one: Exchange) -> list[Disagreement]:
    """Return on what both disagree; a misspelt name is one mistake, told where it is missing."""
    if one.error:
        return []
    names = (one.stage.name, one.notebook.name)
    more = one.taken.keys() - one.given.keys()
    meant = {nearest_name(name, more) for name in one.given.keys() - one.taken.keys()}
    return [d for d in disagreements(*names, one.taken, one.given) if d.name not in meant]


def _of_default(notebook: Notebook, name: str) -> Place | None:
    """Return where the parameters cell gives a name its default."""
    cell = the_parameters_cell(notebook)
    pairs = notebooks.assignments(cell.source) if cell else []
    lines = [literal.lineno for assigned, literal in pairs if assigned == name]
    return Place(notebook.name, cell.number, lines[0]) if cell and lines else None
