"""What a stage gives its notebook, and what that takes."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from headrace.core import notebook as notebooks
from headrace.core import parameters
from headrace.core.pipeline import Stage
from headrace.errors import HeadraceError, NotebookError
from headrace.lint.context import Study
from headrace.lint.notebook_ast import Cell, Notebook


def the_parameters_cell(notebook: Notebook) -> Cell | None:
    """Return the one parameters cell."""
    cells = [cell for cell in notebook.cells if cell.is_parameters]
    return cells[0] if len(cells) == 1 else None


def defaults(study: Study, notebook: Notebook) -> dict[str, Any]:
    """Return what a notebook's parameters cell declares.

    Errors:
        NotebookError: it has no such cell, or that holds other things.
    """
    path = study.root / notebook.name
    notebooks.refuse_but_one(sum(cell.is_parameters for cell in notebook.cells), path)
    cell = the_parameters_cell(notebook)
    return notebooks.defaults(cell.source if cell else "", path)


@dataclass(frozen=True)
class Exchange:
    """A stage and its notebook, where both can be read."""

    stage: Stage
    notebook: Notebook
    values: dict[str, Any]
    """What params.yaml says."""
    given: dict[str, Any]
    """What the stage gives; nothing where `error` says why that cannot be told."""
    error: str
    taken: dict[str, Any]
    """What the parameters cell declares, with its defaults."""

    @property
    def listed(self) -> list[str]:
        """The dotted names that the stage lists."""
        return [] if self.error else parameters.listed(self.stage.body, self.stage.name)

    def block(self, dotted: str) -> set[str]:
        """Return the names that one of these gives."""
        return set(parameters.stage_values(self.values, {"params": [dotted]}, self.stage.name))

    @cached_property
    def unused(self) -> list[tuple[int, str]]:
        """Place and dotted name of what is listed and of which the notebook takes nothing."""
        blocks = [(place, dotted, self.block(dotted)) for place, dotted in enumerate(self.listed)]
        return [(place, dotted) for place, dotted, b in blocks if b and not b & self.taken.keys()]

    @cached_property
    def unlisted(self) -> dict[str, str]:
        """Names that the notebook takes, and the dotted one that would give it, but is not listed.

        A name that stands in two blocks is none: which of them is meant?
        """
        return {
            name: dotted[0]
            for name in sorted(self.taken.keys() - self.given.keys())
            if not self.error and len(dotted := self._dotted(name)) == 1
        }

    @property
    def told(self) -> set[str]:
        """The names of which something is unused or unlisted."""
        return {*self.unlisted, *(n for _, dotted in self.unused for n in self.block(dotted))}

    def _dotted(self, name: str) -> list[str]:
        """Return all dotted names in params.yaml that end in a name and give a value."""
        blocks = {key: block for key, block in self.values.items() if isinstance(block, dict)}
        single = [name] if name in self.values and name not in blocks else []
        return [*single, *(f"{key}.{name}" for key, block in blocks.items() if name in block)]

    def key(self, name: str) -> tuple[str, ...]:
        """Return the key of params.yaml that gives the stage a name."""
        for dotted in self.listed:
            if name in self.block(dotted):
                parts = tuple(dotted.split("."))
                return parts if parts[-1] == name else (*parts, name)
        return ()


def exchanges(study: Study) -> Iterator[Exchange]:
    """Yield the stages that can be compared; none where params.yaml itself is broken."""
    try:
        raw, _ = study.parameters
    except HeadraceError:
        return
    for stage, notebook in study.runs:
        with suppress(NotebookError):
            if not notebook.error:
                taken = defaults(study, notebook)
                yield Exchange(stage, notebook, raw, *_given(study, stage), taken)


def _given(study: Study, stage: Stage) -> tuple[dict[str, Any], str]:
    """Return what a stage gives its notebook (of a matrix, its first), or why that is nothing."""
    raw, typed = study.parameters
    many = stage.body if isinstance(stage.body.get("matrix"), dict) else {}
    try:
        own = next(iter(parameters.matrix(many, stage.name, raw)), {})
        parameters.merge(parameters.stage_values(raw, stage.body, stage.name), own, stage.name)
        return parameters.stage_values(typed.model_dump(), stage.body, stage.name) | own, ""
    except HeadraceError as error:
        return {}, str(error)
