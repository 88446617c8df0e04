"""Apply the rules to a study; leave out what [tool.headrace.ignore] names."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from headrace.core.project import Project
from headrace.errors import HeadraceError, ProjectError, nearest
from headrace.lint import (  # noqa: F401  # importing them registers their rules
    cells,
    configuration,
    locks,
    notebooks,
    parameters,
    pipeline,
    repository,
    runs,
)
from headrace.lint.context import Location, Study
from headrace.lint.fixes import Fix
from headrace.lint.rules import PREFIX, RULES, Rule, Violation, split

REPRO = "repro"
"""The group of rules that `make repro` checks first."""

IGNORE = "pyproject.toml: [tool.headrace.ignore]"
Ignored = set[tuple[str, str]]
"""A rule's name, and the file or stage that is meant; "" for all."""


@dataclass(frozen=True)
class Finding:
    """A violation as users see it."""

    location: Location
    rule: str
    problem: str
    step: str
    fix: Fix | None

    def __str__(self) -> str:
        """Write it as a compiler does, with the next step below."""
        return f"{self.location}: {self.problem} [{self.rule}]\n  Next: {self.step}"


def select(names: Iterable[str]) -> list[Rule]:
    """Return the rules of these names; all rules where no name is given.

    Errors:
        ProjectError: there is no such rule; the nearest name is shown.
    """
    names = list(names)
    for name in names:
        if name not in (*RULES, REPRO):
            near = nearest(name, (*RULES, REPRO))
            raise ProjectError(f"There is no rule {name}.{near} Next: headrace check --list")
    selected = {name for name, rule in RULES.items() if REPRO in names and rule.repro} | set(names)
    return [rule for name, rule in RULES.items() if name in selected or not names]


def findings(study: Study, rules: Iterable[Rule]) -> list[Finding]:
    """Return the findings of these rules that the user does not ignore, by file and line.

    Errors:
        ProjectError: [tool.headrace.ignore] is invalid.
    """
    ignored = ignored_rules(study.project)
    reported = [finding for rule in rules for finding in _apply(rule, study, ignored)]
    study.cache.save()
    # One mistake, one message: two rules may report it, and the first of them is named.
    unique = {(finding.location, finding.problem): finding for finding in reversed(reported)}
    return sorted(unique.values(), key=attrgetter("location", "rule", "problem"))


def _apply(rule: Rule, study: Study, ignored: Ignored) -> Iterator[Finding]:
    """Yield the findings of one rule; an error that stops the rule is a finding too."""
    try:
        for violation in rule.check(study):
            if not _is_ignored(ignored, rule, violation):
                problem, step = rule.render(violation.values)
                yield Finding(violation.location, rule.name, problem, step, violation.fix)
    except (HeadraceError, OSError) as error:  # any file of a study may be broken, in any way
        prefix = PREFIX.match(str(error))
        file = prefix["file"] if prefix else "pyproject.toml"  # it names the study's own modules
        location, problem, step = split(str(error), Location(file))
        yield Finding(location, rule.name, problem, step or f"fix {file}", None)


def ignored_rules(project: Project) -> Ignored:
    """Return the keys of [tool.headrace.ignore]: `"RULE" = "reason"`, `"RULE FILE-or-STAGE" = …`.

    Errors:
        ProjectError: there is no such rule, or the reason is missing.
    """
    table = project.settings.get("ignore", {})
    if not isinstance(table, dict):
        raise ProjectError(
            f'{IGNORE} must map rules to reasons. Next: write lines such as "RULE" = "reason"'
        )
    for key, reason in table.items():
        name = key.partition(" ")[0]
        if name not in RULES:
            raise ProjectError(
                f"{IGNORE}: there is no rule {name}.{nearest(name, RULES)}"
                " Next: headrace check --list"
            )
        if not isinstance(reason, str) or not reason.strip():
            raise ProjectError(f'{IGNORE}: "{key}" has no reason. Next: write one')
    return {(name, subject.strip()) for name, _, subject in (key.partition(" ") for key in table)}


def _is_ignored(ignored: Ignored, rule: Rule, violation: Violation) -> bool:
    subjects = ("", violation.location.file, str(violation.values.get("stage", "")))
    return any((rule.name, subject) in ignored for subject in subjects)
