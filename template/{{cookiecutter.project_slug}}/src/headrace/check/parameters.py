"""Rules on parameters: params.yaml, the typed model, dvc.yaml and the notebooks say the same."""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from headrace import notebook as notebooks
from headrace.check.rules import Found, Place, found, rule, split
from headrace.check.source import Cell, Notebook
from headrace.check.stages import Stage
from headrace.check.study import DVC, Study
from headrace.errors import HeadraceError, NotebookError, ParameterError

FILE = "params.yaml"


@rule(repro=True)
def dvc_yaml(study: Study) -> Iterator[Found]:
    """dvc.yaml cannot be used: {problem}.

    Next: {step}
    """
    if study.dvc_error:
        yield _said(study.dvc_error, Place(DVC, line=1), step=f"mend {DVC}")


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
            _ = notebook.error or _defaults(study, notebook)
        except NotebookError as error:
            cell, line = _cell(notebook), re.match(r".*?, line (\d+): ", str(error))
            place = Place(notebook.name, cell.number, int(line[1])) if cell and line else None
            text = str(error)[line.end() :] if line else str(error)
            step = "hold nothing but lines such as `max_iter = 200` in it"
            yield _said(text, place or Place(notebook.name), step=step, stage=stage.name)


def _cell(notebook: Notebook) -> Cell | None:
    """Return the one parameters cell."""
    cells = [cell for cell in notebook.cells if cell.is_parameters]
    return cells[0] if len(cells) == 1 else None


def _defaults(study: Study, notebook: Notebook) -> dict[str, Any]:
    """Return the defaults that a notebook's parameters cell declares.

    Errors:
        NotebookError: it has no such cell, or that holds other things.
    """
    path = study.root / notebook.name
    notebooks.refuse_but_one(sum(cell.is_parameters for cell in notebook.cells), path)
    cell = _cell(notebook)
    return notebooks.defaults(cell.source if cell else "", path)


@rule(repro=True)
def parameters_listed(study: Study) -> Iterator[Found]:
    """The stage's params do not fit its notebook: {problem}.

    Next: {step}
    """
    for stage, notebook, given, defaults in _readable(study):
        if isinstance(given, HeadraceError):
            step = f"list names of {FILE} in the stage's params"
            place = study.at(DVC, *stage.at("params", *_index(stage, str(given))))
            yield _said(str(given), place, step=step, stage=stage.name)
        else:
            yield from _unused(study, stage, set(defaults))
            yield from _unlisted(study, stage, notebook, set(defaults) - set(given))


def _index(stage: Stage, message: str) -> list[int]:
    """Return which entry of a stage's params a message speaks of."""
    listed = stage.body.get("params")
    entries = listed if isinstance(listed, list) else []
    return [place for place, entry in enumerate(entries) if f" {entry} " in message][:1]


def _unused(study: Study, stage: Stage, taken: set[str]) -> Iterator[Found]:
    """Find the blocks that a stage lists, and of which its notebook takes nothing."""
    for place, dotted in enumerate(_listed(stage)):
        names = set(_block(study, stage, dotted))
        if names and not names & taken:
            yield found(
                study.at(DVC, *stage.at("params", place)),
                problem=f"stage {stage.name} lists {dotted}, but its notebook takes nothing of it",
                step="take it out of the stage's params, or its names into the parameters cell",
                stage=stage.name,
            )


def _unlisted(study: Study, stage: Stage, notebook: Notebook, names: set[str]) -> Iterator[Found]:
    """Find the names that a notebook takes, and that stand in a block that is not listed."""
    for name in names:
        for dotted in _elsewhere(study.values or {}, name):
            what = f"{notebook.name} takes {name}, but stage {stage.name} does not list {dotted}"
            yield found(
                study.at(DVC, *stage.at("params")),
                problem=what,
                step=f"list {dotted} in the stage's params, or take {name} out of the notebook",
                stage=stage.name,
            )


def _elsewhere(values: dict[str, Any], name: str) -> list[str]:
    """Return the one dotted name in params.yaml that ends in a name, where there is just one."""
    blocks = {block: value for block, value in values.items() if isinstance(value, dict)}
    dotted = [f"{block}.{name}" for block, value in blocks.items() if name in value]
    found_names = [*dotted, *([name] if name in values and name not in blocks else [])]
    return found_names if len(found_names) == 1 else []


@rule(repro=True)
def parameters_agree(study: Study) -> Iterator[Found]:
    """The notebook and params.yaml disagree: {problem}.

    Next: {step}
    """
    from headrace import agreement

    for stage, notebook, given, defaults in _readable(study):
        if isinstance(given, HeadraceError):
            continue
        told = _told_already(study, stage, given, set(defaults))
        for one in agreement.disagreements(stage.name, notebook.name, defaults, given):
            if one.name not in told:
                place = _of_default(notebook, one.name) if one.in_cell else None
                place = place or study.at(FILE, *_key(study, stage, one.name))
                step = "give both the same names"
                yield _said(one.message, place, step=step, stage=stage.name)


def _told_already(study: Study, stage: Stage, given: dict[str, Any], taken: set[str]) -> set[str]:
    """Return the names of which `parameters-listed` speaks."""
    blocks = [set(_block(study, stage, dotted)) for dotted in _listed(stage)]
    unused = {name for block in blocks if not block & taken for name in block}
    return unused | {n for n in taken - set(given) if _elsewhere(study.values or {}, n)}


def _of_default(notebook: Notebook, name: str) -> Place | None:
    """Return where the parameters cell gives a name its default."""
    cell = _cell(notebook)
    pairs = notebooks.assignments(cell.source) if cell else []
    lines = [literal.lineno for assigned, literal in pairs if assigned == name]
    return Place(notebook.name, cell.number, lines[0]) if cell and lines else None


def _key(study: Study, stage: Stage, name: str) -> tuple[str, ...]:
    """Return the key of params.yaml that gives a stage a name."""
    for dotted in _listed(stage):
        if name in _block(study, stage, dotted):
            parts = tuple(dotted.split("."))
            return parts if parts[-1] == name else (*parts, name)
    return ()


def _listed(stage: Stage) -> list[str]:
    from headrace import parameters

    return parameters.listed(stage.body, stage.name)


def _block(study: Study, stage: Stage, dotted: str) -> dict[str, Any]:
    """Return what one entry of a stage's params gives to its notebook."""
    from headrace import parameters

    return parameters.named(study.parameters[0], {"params": [dotted]}, stage.name)


Readable = tuple[Stage, Notebook, dict[str, Any] | HeadraceError, dict[str, Any]]
"""A stage, its notebook, what it is given or why that cannot be, and the notebook's defaults."""


def _readable(study: Study) -> Iterator[Readable]:
    """Yield the stages whose notebook can be read; none where params.yaml itself is broken."""
    try:
        _ = study.parameters
    except HeadraceError:
        return
    for stage, notebook in study.runs:
        with suppress(NotebookError):
            if not notebook.error:
                defaults = _defaults(study, notebook)
                yield stage, notebook, _given(study, stage), defaults


def _given(study: Study, stage: Stage) -> dict[str, Any] | HeadraceError:
    """Return the names and values that a stage gives its notebook; of a matrix, its first."""
    from headrace import parameters

    raw, typed = study.parameters
    many = stage.body if isinstance(stage.body.get("matrix"), dict) else {}
    try:
        own = next(iter(parameters.matrix(many, stage.name)), {})
        parameters.add(parameters.named(raw, stage.body, stage.name), own, stage.name)
        return parameters.named(typed.model_dump(), stage.body, stage.name) | own
    except HeadraceError as error:
        return error
