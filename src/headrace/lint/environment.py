"""Rules on the environment: what is installed is what requirements.lock says."""

import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from headrace.core.requirements import Pin, normalized, pins
from headrace.lint.context import REQUIREMENTS, Study
from headrace.lint.rules import Found, Place, found, rule

NOT_LOCKED = {"pip", "setuptools", "wheel"}
"""What `python -m venv` may put into an environment."""
NAMED = 5


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
    installed, wrong = _installed(), {}
    for pin in _locked(study):
        if not _same(here := installed.get(pin.name), pin.version):
            wrong[f"{pin.name} is {here or 'missing'} (locked: {pin.version})"] = pin.line
    if wrong:
        place = Place(REQUIREMENTS, line=min(wrong.values()))
        step = "make --always-make setup"  # make alone looks at times only
        yield found(place, what=_some(wrong), lock=REQUIREMENTS, step=step)


@rule()
def environment_extra(study: Study) -> Iterator[Found]:
    """The environment holds {what}, which {lock} does not name: nobody else will have it.

    Next: add it to pyproject.toml and make lock, or take it out with make --always-make setup
    """
    ours = Path(sys.prefix).resolve() == (study.root / ".venv").resolve()
    if study.staged or not ours or not study.is_file(REQUIREMENTS):
        return
    locked = {pin.name for pin in _locked(study)}
    more = sorted(set(_installed()) - locked - NOT_LOCKED - {_own(study.root)})
    if more:
        yield found(Place(REQUIREMENTS), what=_some(more), lock=REQUIREMENTS)


def _some(items: Iterable[str]) -> str:
    """Name the first few, and count the others."""
    names = list(items)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _locked(study: Study) -> Iterator[Pin]:
    """Yield what the lock says for this machine."""
    text = (study.root / REQUIREMENTS).read_text("utf-8", "replace")
    return (pin for pin in pins(text) if pin.applies)


def _same(one: str | None, other: str) -> bool:
    """Tell whether two versions are equal: 1.0 is 1.0.0."""
    from packaging.version import InvalidVersion, Version

    try:
        return one == other or (one is not None and Version(one) == Version(other))
    except InvalidVersion:
        return False


@cache
def _installed() -> Mapping[str, str]:
    """Return name and version of what Python would find, by the names of folders: in no time."""
    versions: dict[str, str] = {}
    for folder in map(Path, filter(None, sys.path)):
        for found_info in folder.glob("*.dist-info"):
            project, _, version = found_info.stem.partition("-")
            versions.setdefault(normalized(project), version)
    return versions


def _own(root: Path) -> str:
    """Return the name under which the study itself is installed."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8")).get("project")
    return normalized(str(project.get("name", ""))) if isinstance(project, dict) else ""
