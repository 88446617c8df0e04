"""Renew a study's lock, and add packages: pyproject.toml, lock and environment in one go."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import tomlkit
from packaging.requirements import InvalidRequirement, Requirement

from headrace.core import atomic, requirements
from headrace.core.project import Project
from headrace.core.stage import Stage
from headrace.errors import HeadraceError, ProjectError
from headrace.report.text import counted

PYPROJECT = "pyproject.toml"
COMPILE = (
    *("uv", "pip", "compile", PYPROJECT, "--group", "dev", "--universal", "--generate-hashes"),
    *("--no-header", "--no-annotate", "--emit-find-links", "--quiet"),
    *("--output-file", requirements.NAME),
)
Versions = Mapping[str, frozenset[str]]
"""The versions of each package; another Python or system may need another one."""


def lock(project: Project, packages: Sequence[str] = (), *, upgrade: bool = False) -> int:
    """Bring requirements.lock up to pyproject.toml, and print what changed.

    Pins stay, unless all are to be upgraded, or some packages.

    Errors:
        HeadraceError: uv finds no versions that fit.
    """
    print("\n".join(_renew(project, packages, upgrade=upgrade)))
    return 0


def add(project: Project, wanted: Sequence[str]) -> int:
    """Add packages to pyproject.toml, the lock and the environment.

    One without a version gets the one that was found as its lowest.

    Errors:
        ProjectError: a name is none, or the package is there already.
        HeadraceError: uv finds no versions that fit; pyproject.toml is as it was.
    """
    path = project.root / PYPROJECT
    before = path.read_text("utf-8")
    asked = [_parsed(text) for text in wanted]
    atomic.write_text(path, _with(before, asked))
    try:
        lines = [*_renew(project)]
    except HeadraceError:
        atomic.write_text(path, before)
        raise
    found = _versions(project.root)
    for requirement in asked:
        name = requirements.normalize_name(requirement.name)
        if not requirement.specifier and not requirement.url and len(found.get(name, ())) == 1:
            (version,) = found[name]
            requirement.specifier &= f">={'.'.join(version.split('.')[:2])}"
    atomic.write_text(path, _with(before, asked))
    print("\n".join(lines), flush=True)
    return subprocess.run(["make", "--no-print-directory", "setup"], cwd=project.root).returncode


def _parsed(text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        example = "lightgbm, or 'lightgbm>=4.6'"
        raise ProjectError(f"{text!r} is no package: {error}. Next: write {example}") from None


def _with(text: str, added: Sequence[Requirement]) -> str:
    """Return the text of pyproject.toml with more dependencies, in the order of their names."""
    document = tomlkit.parse(text)
    listed = document["project"]["dependencies"]
    names = [requirements.normalize_name(Requirement(str(item)).name) for item in listed]
    for requirement in added:
        name = requirements.normalize_name(requirement.name)
        if name in names:
            raise ProjectError(
                f"{PYPROJECT} has {listed[names.index(name)]} already."
                f" Next: headrace lock --upgrade-package {name}, or edit its version there"
            )
        place = sum(other < name for other in names)
        names.insert(place, name)
        listed.insert(place, str(requirement))
    return tomlkit.dumps(document)


def _renew(
    project: Project, packages: Sequence[str] = (), *, upgrade: bool = False
) -> Iterator[str]:
    """Yield what changed in the lock, line by line."""
    before = _versions(project.root)
    more = [*(["--upgrade"] if upgrade else [])]
    more += [word for name in packages for word in ("--upgrade-package", name)]
    command = [sys.executable, "-m", *COMPILE, *more]
    result = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    if result.returncode:
        raise HeadraceError(f"{result.stderr.strip()}\nNext: correct {PYPROJECT}")
    lines = [*_changes(before, _versions(project.root))]
    if not lines:
        yield f"{requirements.NAME} is up to date"
        return
    yield f"{requirements.NAME}: {counted(len(lines), 'change')}"
    yield from lines
    listing = [stage for stage in project.all_stages.values() if _lists_lock(stage)]
    again = f"{counted(len(listing), 'stage')} with it among the deps will run again. "
    yield f"{again if listing else ''}Next: make setup repro"


def _lists_lock(stage: Stage) -> bool:
    return any(dep.path == requirements.NAME for dep in stage.deps)


def _versions(root: Path) -> Versions:
    path = root / requirements.NAME
    text = path.read_text("utf-8") if path.is_file() else ""
    versions: dict[str, frozenset[str]] = {}
    for pin in requirements.pins(text):
        versions[pin.name] = versions.get(pin.name, frozenset()) | {pin.version}
    return versions


def _changes(before: Versions, after: Versions) -> Iterator[str]:
    for name in sorted({*before, *after}):
        old, new = (", ".join(sorted(side.get(name, ()))) for side in (before, after))
        if old != new:
            mark = "+" if not old else "-" if not new else " "
            yield f"  {mark} {name} {f'{old} → {new}' if old and new else old or new}"
