"""Rules on parameters: params.yaml, the typed model, dvc.yaml and the notebooks agree."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from headrace.core import notebook as source_notebook
from headrace.core import parameters, yaml
from headrace.core.parameter_check import FILE, Mismatch, mismatches
from headrace.core.pipeline import MAIN, Stage
from headrace.errors import HeadraceError, NotebookError, ParameterError, nearest_name
from headrace.lint.context import Location, Study
from headrace.lint.notebook_ast import Cell, Notebook
from headrace.lint.rules import PREFIX, Violation, rule, split


@rule(repro=True)
def dvc_yaml(study: Study) -> Iterator[Violation]:
    """The pipeline file cannot be used: {problem}.

    Next: {step}
    """
    if study.dvc_error:
        prefix = PREFIX.match(study.dvc_error)
        file = prefix["file"] if prefix else MAIN
        yield _from_error(study.dvc_error, Location(file, line=1), step=f"fix {file}")


@rule(repro=True)
def params_yaml(study: Study) -> Iterator[Violation]:
    """params.yaml cannot be used: {problem}.

    Next: {step}
    """
    step = f"correct {FILE}; src/study/params.py has the type and range of each value"
    try:
        _ = study.parameters  # it is read where it is first asked for
    except ParameterError as error:
        for line in str(error).splitlines():
            location = study.at(FILE, *map(str, error.places.get(line, ())))
            yield _from_error(line, location, step=step)
    except HeadraceError as error:
        yield _from_error(str(error), Location(FILE, line=1), step=step)


def _from_error(message: str, location: Location, *, step: str, stage: str = "") -> Violation:
    """Return the violation for an error of `headrace run`, at the location that the error names."""
    location, problem, own_step = split(message, location)
    return Violation(location, problem=problem, step=own_step or step, stage=stage)


@rule(repro=True)
def parameters_cell(study: Study) -> Iterator[Violation]:
    """The parameters cell cannot be used: {problem}.

    Next: {step}
    """
    for stage, notebook in study.runs:
        try:
            _ = notebook.error or _defaults(study, notebook)
        except NotebookError as error:
            cell, line = _cell(notebook), re.match(r".*?, line (\d+): ", str(error))
            location = Location(notebook.name)
            if cell and line:
                location = Location(notebook.name, cell.number, int(line[1]))
            message = str(error)[line.end() :] if line else str(error)
            step = "write only lines such as `max_iter = 200` in it"
            yield _from_error(message, location, step=step, stage=stage.name)


@rule(repro=True)
def parameters_listed(study: Study) -> Iterator[Violation]:
    """The stage's params do not match its notebook: {problem}.

    Next: {step}
    """
    for pair in _pairs(study):
        stage, notebook = pair.stage, pair.notebook
        if pair.error:
            location = study.at(stage.file, *stage.at("params", *_index(stage, pair.error)))
            step = f"list names of {FILE} in the stage's params"
            yield _from_error(pair.error, location, step=step, stage=stage.name)
        for index, dotted in pair.unused:
            problem = f"stage {stage.name} lists {dotted}, but its notebook uses no value of it"
            step = "remove it from the stage's params, or add its names to the parameters cell"
            location = study.at(stage.file, *stage.at("params", index))
            yield Violation(location, problem=problem, step=step, stage=stage.name)
        for name, dotted in pair.unlisted.items():
            problem = f"{notebook.name} takes {name}, but stage {stage.name} does not list {dotted}"
            step = f"list {dotted} in the stage's params, or remove {name} from the notebook"
            location = study.at(stage.file, *stage.at("params"))
            yield Violation(location, problem=problem, step=step, stage=stage.name)


def _index(stage: Stage, message: str) -> list[int]:
    """Return the index of the stage's params entry that a message names."""
    entries = yaml.or_empty(stage.body.get("params"), list)
    return [index for index, entry in enumerate(entries) if f" {entry} " in message][:1]


@rule(repro=True)
def parameters_agree(study: Study) -> Iterator[Violation]:
    """The notebook and params.yaml disagree: {problem}.

    Next: {step}
    """
    for pair in _pairs(study):
        for mismatch in _mismatches(pair):
            name = mismatch.name
            if name not in pair.reported:
                location = _default_location(pair.notebook, name) if mismatch.in_cell else None
                location = location or study.at(FILE, *pair.key(name))
                step = "use the same names in both"
                yield _from_error(mismatch.message, location, step=step, stage=pair.stage.name)


@dataclass(frozen=True)
class Pair:
    """A stage and its notebook, of which both can be read."""

    stage: Stage
    notebook: Notebook
    params: dict[str, Any]
    """The content of params.yaml."""
    values: dict[str, Any]
    """The values that the stage passes to the notebook; empty where there is an error."""
    error: str
    defaults: dict[str, Any]
    """The names and values of the parameters cell."""

    @property
    def listed(self) -> list[str]:
        """The dotted names that the stage lists."""
        return [] if self.error else self.stage.params

    def names(self, dotted: str) -> set[str]:
        """Return the names of the values below a dotted name."""
        return set(parameters.stage_values(self.params, self.stage, [dotted]))

    @cached_property
    def unused(self) -> list[tuple[int, str]]:
        """Index and dotted name of the listed entries of which the notebook uses nothing."""
        return [
            (index, dotted)
            for index, dotted in enumerate(self.listed)
            if (names := self.names(dotted)) and not names & self.defaults.keys()
        ]

    @cached_property
    def unlisted(self) -> dict[str, str]:
        """Names that the notebook takes and the stage does not list, each with its dotted name.

        A name in two blocks of params.yaml is left out: which one is meant?
        """
        return {
            name: dotted[0]
            for name in sorted(self.defaults.keys() - self.values.keys())
            if not self.error and len(dotted := self._dotted(name)) == 1
        }

    @property
    def reported(self) -> set[str]:
        """The names that `unused` or `unlisted` report."""
        return {*self.unlisted, *(n for _, dotted in self.unused for n in self.names(dotted))}

    def _dotted(self, name: str) -> list[str]:
        """Return all dotted names in params.yaml that end in a name and hold a value."""
        blocks = {key: block for key, block in self.params.items() if isinstance(block, dict)}
        top = [name] if name in self.params and name not in blocks else []
        return [*top, *(f"{key}.{name}" for key, block in blocks.items() if name in block)]

    def key(self, name: str) -> tuple[str, ...]:
        """Return the key of params.yaml from which the stage gets a name."""
        for dotted in self.listed:
            if name in self.names(dotted):
                parts = tuple(dotted.split("."))
                return parts if parts[-1] == name else (*parts, name)
        return ()


def _pairs(study: Study) -> Iterator[Pair]:
    """Yield the stages with readable notebooks; none where params.yaml itself is broken."""
    try:
        params, _ = study.parameters
    except HeadraceError:
        return
    for stage, notebook in study.runs:
        with suppress(NotebookError):
            if not notebook.error:
                defaults = _defaults(study, notebook)
                yield Pair(stage, notebook, params, *_values(study, stage), defaults)


def _values(study: Study, stage: Stage) -> tuple[dict[str, Any], str]:
    """Return the values that a stage (of a matrix, its first) passes on, or the error."""
    params, typed = study.parameters
    try:
        item = next(iter(parameters.matrix(stage, params)), {})
        parameters.merge(parameters.stage_values(params, stage), item, stage.name)
        return parameters.stage_values(typed.model_dump(), stage) | item, ""
    except HeadraceError as error:
        return {}, str(error)


def _mismatches(pair: Pair) -> list[Mismatch]:
    """Return the mismatches; a misspelt name is one mistake, reported where it is missing."""
    if pair.error:
        return []
    stage, notebook = pair.stage.name, pair.notebook.name
    unknown = pair.defaults.keys() - pair.values.keys()
    misspelt = {nearest_name(name, unknown) for name in pair.values.keys() - pair.defaults.keys()}
    every = mismatches(stage, notebook, pair.defaults, pair.values)
    return [mismatch for mismatch in every if mismatch.name not in misspelt]


def _cell(notebook: Notebook) -> Cell | None:
    """Return the parameters cell, where there is exactly one."""
    cells = [cell for cell in notebook.cells if cell.is_parameters]
    return cells[0] if len(cells) == 1 else None


def _defaults(study: Study, notebook: Notebook) -> dict[str, Any]:
    """Return the names and values of a notebook's parameters cell.

    Errors:
        NotebookError: there is no such cell, or it contains other code.
    """
    path = study.root / notebook.name
    source_notebook.refuse_but_one(sum(cell.is_parameters for cell in notebook.cells), path)
    cell = _cell(notebook)
    return source_notebook.defaults(cell.source if cell else "", path)


def _default_location(notebook: Notebook, name: str) -> Location | None:
    """Return the location of a name's default in the parameters cell."""
    cell = _cell(notebook)
    pairs = source_notebook.assignments(cell.source) if cell else []
    lines = [literal.lineno for assigned, literal in pairs if assigned == name]
    return Location(notebook.name, cell.number, lines[0]) if cell and lines else None
