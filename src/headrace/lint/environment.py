"""Rules on the environment: what is installed is what requirements.lock says."""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from headrace.core import requirements
from headrace.lint.context import REQUIREMENTS, Study
from headrace.lint.rules import Found, Place, found, rule

NOT_LOCKED = {"pip", "setuptools", "wheel"}
"""What `python -m venv` may put into an environment."""


@rule(repro=True)
def environment(study: Study) -> Iterator[Found]:
    """{what}, so results are made by other code than {lock} says.

    Next: {step}
    """
    if study.staged:  # a commit holds no environment
        return
    if not study.is_file(REQUIREMENTS):
        what = f"{REQUIREMENTS} is missing"
        yield found(Place(REQUIREMENTS), what=what, lock=REQUIREMENTS, step="make lock")
        return
    if wrong := requirements.differences(study.root):
        place = Place(REQUIREMENTS, line=min(wrong.values()))
        step = "make --always-make setup"  # make alone looks at times only
        yield found(place, what=requirements.some(wrong), lock=REQUIREMENTS, step=step)


@rule()
def environment_extra(study: Study) -> Iterator[Found]:
    """The environment holds {what}, which {lock} does not name: nobody else will have it.

    Next: add it to pyproject.toml and make lock, or take it out with make --always-make setup
    """
    ours = Path(sys.prefix).resolve() == (study.root / ".venv").resolve()
    if study.staged or not ours or not study.is_file(REQUIREMENTS):
        return
    locked = {pin.name for pin in requirements.locked(study.root)}
    more = sorted(set(requirements.installed()) - locked - NOT_LOCKED - {_own(study.root)})
    if more:
        yield found(Place(REQUIREMENTS), what=requirements.some(more), lock=REQUIREMENTS)


def _own(root: Path) -> str:
    """Return the name under which the study itself is installed."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8")).get("project")
    return (
        requirements.normalized(str(project.get("name", ""))) if isinstance(project, dict) else ""
    )
