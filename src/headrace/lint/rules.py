"""What a rule is, and what it finds.

A rule is a generator over the study, under `@rule()`. Its name with dashes is the rule's name, and
its docstring the message: first the problem, then, after "Next: ", the command or edit that mends
it. `{name}` stands for a value that the rule yields with each place.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.lint.context import Study
    from headrace.lint.fixes import Mend

NEXT = "Next: "


@dataclass(frozen=True, order=True)
class Place:
    """A file of the study by its path from there on, and a line of it; in a notebook, of a cell."""

    file: str
    cell: int = 0
    line: int = 0

    def __str__(self) -> str:
        """Write it as ruff does: `dvc.yaml:63`, or `notebooks/03_train.ipynb:cell 5:2`."""
        cell = f":cell {self.cell}" if self.cell else ""
        return f"{self.file}{cell}{f':{self.line}' if self.line else ''}"


@dataclass(frozen=True)
class Found:
    """What a rule yields: where, the values of its message, and what would mend it."""

    place: Place
    values: Mapping[str, object]
    mend: "Mend | None"


def found(place: Place, mend: "Mend | None" = None, **values: object) -> Found:
    """Return what a rule found at a place."""
    return Found(place, values, mend)


Test = Callable[["Study"], Iterator[Found]]


@dataclass(frozen=True)
class Rule:
    """One thing to look for."""

    test: Test
    repro: bool
    """Whether a breach makes `dvc repro` fail or record what is not so."""

    @property
    def name(self) -> str:
        """What users call it: "undeclared-read"."""
        return self.test.__name__.replace("_", "-")

    @cached_property
    def message(self) -> tuple[str, str]:
        """The problem and the next step, with `{…}` where values go."""
        problem, _, step = " ".join((inspect.getdoc(self.test) or "").split()).partition(NEXT)
        return problem.strip(), step.strip()

    def say(self, values: Mapping[str, object]) -> tuple[str, str]:
        """Return the problem and the next step with these values."""
        problem, step = (text.format(**values) for text in self.message)
        return re.sub(r"([.?])\.$", r"\1", problem), step


PREFIX = re.compile(r"(?P<file>[\w./-]+\.(?:yaml|lock))(?:, line (?P<line>\d+), column \d+)?: ")
"""How an error names its place; a finding begins with it anyway."""


def split(message: str, place: Place) -> tuple[Place, str, str]:
    """Return an error's message as place (by default the one given), problem and next step."""
    prefix = PREFIX.match(message)
    if prefix and prefix["line"]:
        place = Place(prefix["file"], line=int(prefix["line"]))
    if prefix and place.file.endswith(prefix["file"]):
        message = message[prefix.end() :]
    problem, _, step = message.partition(NEXT)
    return place, problem.strip(), step.strip()


RULES: dict[str, Rule] = {}


def rule(*, repro: bool = False) -> Callable[[Test], Test]:
    """Make a generator over the study one of the rules."""

    def register(test: Test) -> Test:
        made = Rule(test, repro)
        RULES[made.name] = made
        return test

    return register
