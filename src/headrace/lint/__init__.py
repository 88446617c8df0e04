"""`headrace check`: what should be mended in a study, told in seconds; nothing is run or changed.

Rules stand in the modules imported here, each a small generator whose docstring is its message.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from headrace.core.suggest import nearest
from headrace.errors import HeadraceError, ProjectError
from headrace.lint import (  # noqa: F401  # importing them registers their rules
    cells,
    environment,
    gates,
    ignores,
    lock,
    notebooks,
    parameters,
    pipeline,
    repository,
    serving,
)
from headrace.lint.context import Study
from headrace.lint.fixes import Mend
from headrace.lint.rules import PREFIX, RULES, Place, Rule, split

REPRO = "repro"
"""What `make repro` asks for first: the rules whose breach makes it fail, or record wrongly."""


@dataclass(frozen=True)
class Finding:
    """What a rule found, in words."""

    place: Place
    rule: str
    problem: str
    step: str
    mend: Mend | None

    def __str__(self) -> str:
        """Write it as a compiler does, with the next step below."""
        return f"{self.place}: {self.problem} [{self.rule}]\n  Next: {self.step}"


def chosen(names: Iterable[str]) -> list[Rule]:
    """Return the rules of these names; all of them where there is no name.

    Errors:
        ProjectError: there is no such rule; the nearest name is shown.
    """
    names = list(names)
    for name in names:
        if name not in (*RULES, REPRO):
            near = nearest(name, (*RULES, REPRO))
            raise ProjectError(f"There is no rule {name}.{near} Next: headrace check --list")
    wanted = {name for name, rule in RULES.items() if REPRO in names and rule.repro} | set(names)
    return [rule for name, rule in RULES.items() if name in wanted or not names]


def findings(study: Study, rules: Iterable[Rule]) -> list[Finding]:
    """Return what the rules find in a study and the user wants to be told, by file and line.

    Errors:
        ProjectError: [tool.headrace.ignore] is not as it must be.
    """
    ignored = ignores.read(study.project, RULES)
    told = [one for rule in rules for one in _told(rule, study, ignored)]
    study.memory.save()
    first = {(one.place, one.problem): one for one in reversed(told)}  # one mistake, one message
    return sorted(first.values(), key=lambda one: (one.place, one.rule, one.problem))


def _told(rule: Rule, study: Study, ignored: ignores.Ignores) -> Iterator[Finding]:
    """Yield what one rule finds; where it cannot look, that is what it finds."""
    try:
        for one in rule.test(study):
            if not ignores.covers(ignored, rule, one):
                yield Finding(one.place, rule.name, *rule.say(one.values), one.mend)
    except (HeadraceError, OSError) as error:
        place, problem, step = split(str(error), Place(_file(str(error))))
        yield Finding(place, rule.name, problem, step or "mend what it names", None)


def _file(message: str) -> str:
    """Return the file that an error names; if none, pyproject.toml, which declares the doors."""
    prefix = PREFIX.match(message)
    return prefix["file"] if prefix else "pyproject.toml"
