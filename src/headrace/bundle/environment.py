"""What a bundle runs on: Python, the packages that serving needs, their pins, headrace's wheel."""

import platform
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from headrace.bundle.archive import sha256
from headrace.core.requirements import NAME, normalize_name, pins
from headrace.errors import ProjectError

if TYPE_CHECKING:
    from headrace.core.project import Project

GROUP = "serve"
HEADRACE = "headrace"
VENDOR = "vendor"
FIND_LINKS = f"--find-links {VENDOR}\n\n"
"""The head of a requirements file: where pip finds headrace's wheel."""


def describe(packages: Iterable[str]) -> dict[str, object]:
    """Return what a bundle records of the environment in which it is made.

    Python by its minor version: a patch release changes no result on purpose, and two people's
    pipelines should give one bundle.
    """
    return {
        "python": ".".join(map(str, sys.version_info[:2])),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "packages": {name: installed_version(name) for name in sorted(packages)},
    }


def installed_version(name: str) -> str:
    """Return the version of an installed package; empty where it is not installed."""
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return ""


def differences(recorded: Mapping[str, object]) -> list[str]:
    """Return a line for each thing that differs here from the environment that a bundle records.

    System and machine are not compared: the golden rows tell whether they matter.
    """
    packages = recorded.get("packages")
    versions = packages if isinstance(packages, Mapping) else {}
    current = describe(())
    pairs = [(name, recorded.get(name), current[name]) for name in ("implementation", "python")]
    pairs += [(name, version, installed_version(name)) for name, version in versions.items()]
    return [
        f"{name}: made with {made_with}, here {installed or 'not installed'}"
        for name, made_with, installed in pairs
        if made_with != installed
    ]


def serving_packages(project: "Project") -> list[str]:
    """Return what serving needs: the group `serve` and headrace[serve], with their dependencies.

    headrace's own dependencies, which notebooks need to run, are not among them.

    Errors:
        ProjectError: pyproject.toml has no such group, or one of them is not installed.
    """
    path = project.root / "pyproject.toml"
    groups = tomllib.loads(path.read_text("utf-8")).get("dependency-groups", {})
    if GROUP not in groups:
        raise ProjectError(
            f"pyproject.toml has no dependency group {GROUP!r}: the packages that a model needs to"
            f' predict. Next: add, under [dependency-groups], {GROUP} = ["scikit-learn", …]'
        )
    names: set[str] = set()
    pending = [*map(Requirement, groups[GROUP]), *_extra_requirements(HEADRACE, GROUP)]
    while pending:
        requirement = pending.pop()
        name = normalize_name(requirement.name)
        if name not in names:
            names.add(name)
            pending += _dependencies(requirement)
    return sorted(names)


def _extra_requirements(package: str, extra: str) -> Iterator[Requirement]:
    """Yield what an extra of a package adds to its dependencies."""
    for requirement in map(Requirement, distribution(package).requires or []):
        marker = requirement.marker
        # A marker about Python or the system alone holds without the extra too.
        if marker and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""}):
            yield requirement


def _dependencies(requirement: Requirement) -> Iterator[Requirement]:
    """Yield what an installed package needs on this machine, with the extras that are asked for."""
    try:
        dependencies = distribution(requirement.name).requires or []
    except PackageNotFoundError:
        raise ProjectError(f"{requirement.name} is not installed. Next: make setup") from None
    for dependency in map(Requirement, dependencies):
        extras, marker = ("", *requirement.extras), dependency.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
            yield dependency


def pinned_requirements(lock: Path, packages: Iterable[str]) -> str:
    """Return the part of requirements.lock that pins headrace and these packages, with hashes.

    It is complete, so it installs with `--no-deps`.

    Errors:
        ProjectError: the lock lacks one of them.
    """
    names = {*packages, HEADRACE}
    selected = [pin for pin in pins(lock.read_text("utf-8")) if pin.name in names]
    if missing := sorted(names - {pin.name for pin in selected}):
        raise ProjectError(f"{NAME} lacks {', '.join(missing)}. Next: make lock")
    return FIND_LINKS + "".join(pin.text for pin in selected)


def vendored_wheels(root: Path) -> dict[str, bytes]:
    """Return the study's wheel of headrace by its path; none where an index provides it.

    Errors:
        ProjectError: its hash is not the one in the lock.
    """
    pin = next(pin for pin in pins((root / NAME).read_text("utf-8")) if pin.name == HEADRACE)
    wheels = {}
    for path in sorted((root / VENDOR).glob(f"{HEADRACE}-{pin.version}-*.whl")):
        content, name = path.read_bytes(), path.relative_to(root).as_posix()
        if sha256(content) not in pin.text:
            raise ProjectError(f"{name} is not the wheel in {NAME}. Next: git checkout {name}")
        wheels[name] = content
    return wheels
