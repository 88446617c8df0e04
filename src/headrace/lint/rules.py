"""What a rule is, and the table of all rules.

A rule is a generator over the study, under `@rule()`. Its name with dashes is the rule's name. Its
docstring is the message: the problem, then, after "Next: ", the command or edit that fixes it.
`{name}` stands for a value that the rule yields with each location.
"""

import inspect
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from headrace.lint.context import Location, Study
from headrace.lint.fixes import Fix

NEXT = "Next: "
VALUE = re.compile(r"\{(\w+)[^}]*\}")
"""A value in a rule's message, such as {path!r}."""
PLACEHOLDERS = {"near": "", "problem": "…", "step": "see the finding", "lines": "N", "mib": "N"}
"""What stands for a value where a rule is described; for any other its name, as in PATH."""


class Violation:
    """What a rule yields: the location, the automatic fix, and the values of its message."""

    def __init__(self, location: Location, fix: Fix | None = None, **values: object) -> None:
        self.location, self.fix, self.values = location, fix, values


Check = Callable[[Study], Iterator[Violation]]


@dataclass(frozen=True)
class Rule:
    """One rule of the linter."""

    check: Check
    repro: bool
    """Whether a violation makes `dvc repro` fail, or record a wrong result."""

    @property
    def name(self) -> str:
        """The name that users see: "undeclared-read"."""
        return self.check.__name__.replace("_", "-")

    @cached_property
    def message(self) -> tuple[str, str]:
        """The problem and the next step, with `{…}` where values go."""
        text = " ".join((inspect.getdoc(self.check) or "").split())
        problem, _, step = text.partition(NEXT)
        return problem.strip(), step.strip()

    def describe(self) -> tuple[str, str]:
        """Return the problem and the next step with names in the place of values."""
        problem, step = (
            VALUE.sub(lambda value: PLACEHOLDERS.get(value[1], value[1].upper()), text)
            for text in self.message
        )
        # A value at the end may bring its own full stop.
        return re.sub(r"([.?…])\.$", r"\1", problem), step

    def render(self, values: Mapping[str, object]) -> tuple[str, str]:
        """Return the problem and the next step with these values."""
        problem, step = self.message
        names = {name: value for name, value in values.items() if name not in PLACEHOLDERS}
        quoted = {k: shlex.quote(v) if isinstance(v, str) else v for k, v in names.items()}
        problem, step = problem.format(**values), step.format(**{**values, **quoted})
        return re.sub(r"([.?])\.$", r"\1", problem), step


PREFIX = re.compile(r"(?P<file>[\w./-]+\.(?:yaml|lock))(?:, line (?P<line>\d+), column \d+)?: ")
"""The file and line at the beginning of an error; a finding states them anyway."""


def split(message: str, location: Location) -> tuple[Location, str, str]:
    """Return the location (by default the given one), problem and next step of an error."""
    prefix = PREFIX.match(message)
    if prefix and prefix["line"]:
        location = Location(prefix["file"], line=int(prefix["line"]))
    if prefix and location.file.endswith(prefix["file"]):
        message = message[prefix.end() :]
    problem, _, step = message.partition(NEXT)
    return location, problem.strip(), step.strip()


RULES: dict[str, Rule] = {}


def rule(*, repro: bool = False) -> Callable[[Check], Check]:
    """Add a generator over the study to the rules."""

    def register(check: Check) -> Check:
        new = Rule(check, repro)
        RULES[new.name] = new
        return check

    return register
