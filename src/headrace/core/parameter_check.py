"""Whether a notebook's parameters cell and its stage's parameters have the same names and types."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.core.params_errors import FILE
from headrace.core.suggest import nearest


@dataclass(frozen=True)
class Disagreement:
    """A name that a stage's parameters and its notebook's parameters cell do not share."""

    name: str
    message: str
    in_cell: bool
    """Whether the cell has the name."""


def disagreements(
    stage: str, notebook: str, defaults: Mapping[str, Any], meant: Mapping[str, Any]
) -> Iterator[Disagreement]:
    """Find names and types that the parameters cell, with its defaults, does not share."""
    for name, value in meant.items():
        if name not in defaults:
            near = nearest(name, set(defaults) - set(meant))
            yield Disagreement(
                name,
                f'{FILE}: stage "{stage}" is given {name}, but the parameters cell of'
                f" {notebook} has no such name."
                f"{near or f' Next: add a line such as `{name} = {value!r}` to it'}",
                in_cell=False,
            )
        elif not _same_type(defaults[name], value):
            yield Disagreement(
                name,
                f"{notebook}: the default of {name} is {_type(defaults[name])}, but"
                f" {FILE} and the typed model say {_type(value)}. Next: headrace sync",
                in_cell=True,
            )
    for name in defaults:
        if name not in meant:
            yield Disagreement(
                name,
                f'{notebook} takes {name}, but stage "{stage}" gives it no such'
                " parameter."
                f"{nearest(name, set(meant) - set(defaults))}"
                f" Next: add it to {FILE} and to the stage's params",
                in_cell=True,
            )


def _same_type(default: object, value: object) -> bool:
    if isinstance(value, float) and type(default) is int:
        return True
    return default is None or value is None or type(default) is type(value)


def _type(value: object) -> str:
    return f"{value!r} ({type(value).__name__})"
