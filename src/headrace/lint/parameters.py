"""Rules on parameters: params.yaml, the typed model, dvc.yaml and the notebooks agree."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from headrace.core import dvc_schema, parameters
from headrace.core import notebook as source_notebook
from headrace.core.entry import Param
from headrace.core.param_files import Contents, is_compute
from headrace.core.parameter_check import Mismatch, mismatches
from headrace.core.parameters import Values
from headrace.core.stage import MAIN, PARAMS, Stage, group_of
from headrace.core.yaml import Key
from headrace.errors import (
    HeadraceError,
    NotebookError,
    ParameterError,
    ProjectError,
    nearest,
    nearest_name,
)
from headrace.lint.context import Location, Study
from headrace.lint.notebook_ast import Cell, Notebook
from headrace.lint.rules import NEXT, PREFIX, Violation, rule, split

DOTTED = re.compile(r"\b[a-zA-Z_]\w*(\.\w+)+")
"""A name such as train.max_iter."""


@rule(repro=True)
def dvc_yaml(study: Study) -> Iterator[Violation]:
    """The pipeline file cannot be used: {problem}.

    Next: {step}
    """
    if study.dvc_error:
        prefix = PREFIX.match(study.dvc_error)
        file = prefix["file"] if prefix else MAIN
        # DVC names what it cannot resolve as in 'stages.train@6.cmd'.
        place = re.search(r"'((?:stages|vars|metrics|artifacts)\b[^' ]*)'", study.dvc_error)
        keys = [group_of(part) for part in place[1].split(".")] if place else []
        yield _from_error(study.dvc_error, study.at(file, *keys), step=f"fix {file}")
        return
    for file, pipeline in study.project.pipelines.items():
        for message, path in dvc_schema.problems(pipeline.content):
            name, key = ".".join(map(str, path)), str(path[-1])
            is_extra, is_missing = (message.startswith(word) for word in ("extra", "required"))
            near = nearest(key, dvc_schema.NAMES) if is_extra else ""
            step = f"add {key}" if is_missing else f"correct {key}, or remove it"
            problem = f"DVC refuses {name}: {message}.{near}"
            yield Violation(study.at(file, *path), problem=problem, step=step)


@rule(repro=True)
def params_yaml(study: Study) -> Iterator[Violation]:
    """params.yaml cannot be used: {problem}.

    Next: {step}
    """
    step = f"correct {PARAMS}; src/study/params.py has the type and range of each value"
    try:
        _ = study.parameters  # it is read where it is first asked for
    except HeadraceError as error:
        places = error.places if isinstance(error, ParameterError) else {}
        for line in str(error).splitlines() if places else [str(error)]:
            # A rule of the model's own, on several values, names them in its message.
            named = DOTTED.search(line.partition(NEXT)[0].removeprefix(PARAMS))
            keys = places.get(line) or (named[0].split(".") if named else ())
            yield _from_error(line, study.at(PARAMS, *map(str, keys)), step=step)


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
            _refuse_missing_cell(study, stage, notebook)
        except NotebookError as error:
            cell, line = _cell(notebook), re.match(r".*?, line (\d+): ", str(error))
            location = Location(notebook.name)
            if cell and line:
                location = Location(notebook.name, cell.number, int(line[1]))
            message = str(error)[line.end() :] if line else str(error)
            step = "write only lines such as `max_iter = 200` in it"
            yield _from_error(message, location, step=step, stage=stage.group)


def _refuse_missing_cell(study: Study, stage: Stage, notebook: Notebook) -> None:
    """Refuse a notebook without a parameters cell whose stage has values for it.

    Errors:
        NotebookError: see above.
    """
    values: Values = {}
    if not notebook.error and _cell(notebook) is None:
        with suppress(HeadraceError):  # params.yaml itself may be broken
            values, _ = _values(study, stage, {})
    if values:
        source_notebook.refuse_but_one(0, study.root / notebook.name)


@rule(repro=True)
def parameters_listed(study: Study) -> Iterator[Violation]:
    """The stage's params do not match its notebook: {problem}.

    Next: {step}
    """
    for pair in _pairs(study):
        stage, notebook = pair.stage, pair.notebook
        if pair.error:
            location = study.at(stage.file, *_place(stage, pair.error))
            step = f"list names of {PARAMS} in the stage's params"
            yield _from_error(pair.error, location, step=step, stage=stage.group)
        for param in pair.unused:
            problem = f"stage {stage.group} lists {param}, but its notebook uses no value of it"
            step = "remove it from the stage's params, or add its names to the parameters cell"
            location = study.at(stage.file, *param.keys)
            yield Violation(location, problem=problem, step=step, stage=stage.group)
        for name, dotted in pair.unlisted.items():
            problem = (
                f"{notebook.name} takes {name}, but stage {stage.group} does not list {dotted}"
            )
            step = f"list {dotted} in the stage's params, or remove {name} from the notebook"
            location = study.at(stage.file, *stage.at("params"))
            yield Violation(location, problem=problem, step=step, stage=stage.group)


def _place(stage: Stage, message: str) -> tuple[Key, ...]:
    """Return the place of the stage's param that a message names; of all where it names none."""
    with suppress(ProjectError):
        for param in stage.params:
            if f" {param} " in message or f" list {param.file}, " in message:
                return param.keys
    return stage.at("params")


@rule(repro=True)
def parameters_agree(study: Study) -> Iterator[Violation]:
    """The notebook and {file} disagree: {problem}.

    Next: {step}
    """
    for pair in _pairs(study):
        for mismatch in _mismatches(pair):
            name = mismatch.name
            if name not in pair.reported:
                location = _default_location(pair.notebook, name) if mismatch.in_cell else None
                location = location or study.at(pair.file(name), *pair.key(name))
                location, problem, step = split(mismatch.message, location)
                yield Violation(
                    location,
                    file=pair.file(name),
                    problem=problem,
                    step=step or "use the same names in both",
                    stage=pair.stage.group,
                )


@dataclass(frozen=True)
class Pair:
    """A stage and its notebook, of which both can be read."""

    stage: Stage
    notebook: Notebook
    contents: Contents
    """The content of params.yaml, and of other files of parameters."""
    values: Values
    """The values that the stage passes to the notebook; empty where there is an error."""
    error: str
    defaults: dict[str, Any]
    """The names and values of the parameters cell."""

    @property
    def listed(self) -> list[Param]:
        """The blocks and values that the stage lists, but for the runner's own."""
        params = [] if self.error else self.stage.params
        return [param for param in params if param.name and not is_compute(param)]

    def names(self, param: Param) -> set[str]:
        """Return the names of the values that a listed name gives."""
        return {*parameters.block_values(self.contents, param)}

    @cached_property
    def unused(self) -> list[Param]:
        """The listed names of which the notebook uses nothing; one without a cell is reported."""
        listed = self.listed if _cell(self.notebook) else []
        return [
            param
            for param in listed
            if (names := self.names(param)) and not names & self.defaults.keys()
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
        return {*self.unlisted, *(name for param in self.unused for name in self.names(param))}

    def _dotted(self, name: str) -> list[str]:
        return [*parameters.dotted_names(self.contents.get(PARAMS, {}), name)]

    def file(self, name: str) -> str:
        """Return the file from which the stage gets a name, or should."""
        return self.values[name].file if name in self.values else PARAMS

    def key(self, name: str) -> tuple[Key, ...]:
        """Return the key there."""
        for param in self.listed:
            if name in self.names(param):
                parts = tuple(param.name.split("."))
                return parts if parts[-1] == name else (*parts, name)
        return self.stage.keys if name in self.stage.values else ()


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
                values, error = _values(study, stage, defaults)
                contents = {PARAMS: params} | ({} if error else study.other_parameters(stage))
                yield Pair(stage, notebook, contents, values, error, defaults)


def _values(study: Study, stage: Stage, defaults: dict[str, Any]) -> tuple[Values, str]:
    """Return the values that a stage passes on, or the error."""
    raw, typed = study.parameters
    try:
        others = study.other_parameters(stage)
        parameters.stage_values(stage, {PARAMS: raw} | others, defaults)
        return parameters.stage_values(stage, {PARAMS: typed} | others, defaults), ""
    except HeadraceError as error:
        return {}, str(error)


def _mismatches(pair: Pair) -> list[Mismatch]:
    """Return the mismatches; a misspelt name is one mistake, reported where it is missing."""
    if pair.error or _cell(pair.notebook) is None:
        return []
    stage, notebook = pair.stage.group, pair.notebook.name
    unknown = pair.defaults.keys() - pair.values.keys()
    misspelt = {nearest_name(name, unknown) for name in pair.values.keys() - pair.defaults.keys()}
    every = mismatches(stage, notebook, pair.defaults, pair.values)
    return [mismatch for mismatch in every if mismatch.name not in misspelt]


def _cell(notebook: Notebook) -> Cell | None:
    """Return the parameters cell, where there is exactly one."""
    cells = [cell for cell in notebook.cells if cell.is_parameters]
    return cells[0] if len(cells) == 1 else None


def _defaults(study: Study, notebook: Notebook) -> dict[str, Any]:
    """Return the names and values of a notebook's parameters cell; none where it has no cell.

    Errors:
        NotebookError: there are two such cells, or one that contains other code.
    """
    path = study.root / notebook.name
    count = sum(cell.is_parameters for cell in notebook.cells)
    source_notebook.refuse_but_one(count or 1, path)
    cell = _cell(notebook)
    return source_notebook.defaults(cell.source if cell else "", path)


def _default_location(notebook: Notebook, name: str) -> Location | None:
    """Return the location of a name's default in the parameters cell."""
    cell = _cell(notebook)
    pairs = source_notebook.assignments(cell.source) if cell else []
    lines = [literal.lineno for assigned, literal in pairs if assigned == name]
    return Location(notebook.name, cell.number, lines[0]) if cell and lines else None
