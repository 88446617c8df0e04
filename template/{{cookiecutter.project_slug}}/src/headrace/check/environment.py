"""Rules on the environment: what is installed is what requirements.lock says."""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from headrace.check.rules import Found, Place, found, rule
from headrace.check.study import REQUIREMENTS, Study

PIN = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[.*?\])?\s*==\s*(?P<version>[^\s;\\]+)\s*(?:;(?P<when>[^\\]*))?"
)
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
    for line, name, version in _locked(study):
        if not _same(installed.get(name), version):
            wrong[f"{name} is {installed.get(name, 'missing')} (locked: {version})"] = line
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
    locked = {name for _, name, _ in _locked(study)}
    more = sorted(set(_installed()) - locked - NOT_LOCKED - {_own(study.root)})
    if more:
        yield found(Place(REQUIREMENTS), what=_some(more), lock=REQUIREMENTS)


def _some(items: Iterable[str]) -> str:
    """Name the first few, and count the others."""
    names = list(items)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _locked(study: Study) -> Iterator[tuple[int, str, str]]:
    """Yield line, name and version of what the lock says for this machine."""
    text = (study.root / REQUIREMENTS).read_text("utf-8", "replace")
    for number, line in enumerate(text.splitlines(), start=1):
        if (pin := PIN.match(line)) and _applies((pin["when"] or "").strip()):
            yield number, _normal(pin["name"]), pin["version"]


@cache
def _applies(marker: str) -> bool:
    """Tell whether a marker such as `sys_platform == 'win32'` is true here."""
    from packaging.markers import InvalidMarker, Marker

    try:
        return not marker or Marker(marker).evaluate()
    except InvalidMarker:
        return False


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
            versions.setdefault(_normal(project), version)
    return versions


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _own(root: Path) -> str:
    """Return the name under which the study itself is installed."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8")).get("project")
    return _normal(str(project.get("name", ""))) if isinstance(project, dict) else ""
