"""What the user has said not to tell: [tool.headrace.ignore], each with its reason."""

from collections.abc import Iterable

from headrace.core.project import Project
from headrace.core.suggest import nearest
from headrace.errors import ProjectError
from headrace.lint.rules import Found, Rule

TABLE = "pyproject.toml: [tool.headrace.ignore]"
Ignores = set[tuple[str, str]]
"""A rule's name, and the file or stage that is meant; "" for all."""


def read(project: Project, names: Iterable[str]) -> Ignores:
    """Return what `"RULE" = "reason"` and `"RULE FILE-or-STAGE" = "reason"` say.

    Errors:
        ProjectError: there is no such rule, or no reason.
    """
    table = project.settings.get("ignore", {})
    if not isinstance(table, dict):
        raise ProjectError(f"{TABLE} must map rules to reasons")
    for key, reason in table.items():
        name = key.partition(" ")[0]
        if name not in names:
            raise ProjectError(
                f"{TABLE} names {name}, which is no rule.{nearest(name, names)}"
                " Next: headrace check --list"
            )
        if not isinstance(reason, str) or not reason.strip():
            raise ProjectError(f'{TABLE} gives no reason for "{key}". Next: write why')
    return {(name, subject.strip()) for name, _, subject in (key.partition(" ") for key in table)}


def covers(ignores: Ignores, rule: Rule, one: Found) -> bool:
    """Tell whether a finding is not to be told."""
    subjects = ("", one.place.file, str(one.values.get("stage", "")))
    return any((rule.name, subject) in ignores for subject in subjects)
