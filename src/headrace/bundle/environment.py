"""What a bundle runs on: Python, the system, and the packages that answering needs, exactly."""

import hashlib
import platform
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

from headrace.core.project import Project
from headrace.core.requirements import NAME, normalized, pins
from headrace.errors import ProjectError


class Difference(NamedTuple):
    """One thing that is here otherwise than where the bundle was made."""

    name: str
    made_with: str
    here: str


def describe(packages: Iterable[str]) -> dict[str, object]:
    """Return what a bundle says of the environment it was made in.

    Python by its minor version: what the third number mends changes no result on purpose, and two
    people's pipelines should give one bundle.
    """
    return {
        "python": ".".join(map(str, sys.version_info[:2])),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "packages": {name: installed_version(name) for name in sorted(packages)},
    }


def installed_version(name: str) -> str:
    """Return the version of an installed package; nothing where it is not installed."""
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return ""


def differences(made: Mapping[str, object]) -> list[Difference]:
    """Return what is other here than in the environment that a bundle describes.

    System and machine are not compared: the golden rows tell whether they matter.
    """
    packages = made.get("packages")
    known = packages if isinstance(packages, Mapping) else {}
    here = describe(known)
    pairs = [(name, made.get(name), here[name]) for name in ("implementation", "python")]
    pairs += [(name, wanted, installed_version(name)) for name, wanted in known.items()]
    return [
        Difference(name, str(wanted), str(found) or "not installed")
        for name, wanted, found in pairs
        if wanted != found
    ]


GROUP = "serve"
HEADRACE = "headrace"
VENDOR = "vendor"
FIND_LINKS = f"--find-links {VENDOR}\n\n"


def serving_packages(project: Project) -> list[str]:
    """Return the packages that answering needs: the group `serve` and headrace[serve], with theirs.

    headrace itself is none of them: what it needs besides, to run notebooks, no server needs.

    Errors:
        ProjectError: pyproject.toml has no such group, or one of them is not installed.
    """
    path = project.root / "pyproject.toml"
    groups = tomllib.loads(path.read_text("utf-8")).get("dependency-groups", {})
    if GROUP not in groups:
        raise ProjectError(
            f"pyproject.toml has no dependency group {GROUP!r}: the packages that a model needs to"
            f' answer. Next: add, under [dependency-groups], {GROUP} = ["scikit-learn", …]'
        )
    names: dict[str, None] = {}
    left = [*map(Requirement, groups[GROUP]), *_extra(HEADRACE, GROUP)]
    while left:
        wanted = left.pop()
        name = normalized(wanted.name)
        if name not in names:
            names[name] = None
            left += _needs(wanted)
    return sorted(names)


def _extra(package: str, extra: str) -> Iterator[Requirement]:
    """Yield what an extra of a package adds to what the package needs anyway."""
    for entry in map(Requirement, distribution(package).requires or []):
        marker = entry.marker
        if marker and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""}):
            yield entry


def _needs(wanted: Requirement) -> Iterator[Requirement]:
    """Yield what an installed package needs here, its asked-for extras among it."""
    try:
        listed = distribution(wanted.name).requires or []
    except PackageNotFoundError:
        raise ProjectError(f"{wanted.name} is not installed. Next: make setup") from None
    for entry in map(Requirement, listed):
        extras = ("", *wanted.extras)
        if entry.marker is None or any(entry.marker.evaluate({"extra": e}) for e in extras):
            yield entry


def pinned_requirements(lock: Path, packages: Iterable[str]) -> str:
    """Return the part of requirements.lock that pins headrace and these packages, with hashes.

    It is complete, so it installs with `--no-deps`.

    Errors:
        ProjectError: the lock lacks one of them.
    """
    wanted = {*packages, HEADRACE}
    blocks = [(pin.name, pin.text) for pin in pins(lock.read_text("utf-8")) if pin.name in wanted]
    lacking = sorted(wanted - {name for name, _ in blocks})
    if lacking:
        raise ProjectError(f"{NAME} lacks {', '.join(lacking)}. Next: make lock")
    return FIND_LINKS + "".join(block for _, block in blocks)


def vendored_wheels(root: Path) -> dict[str, bytes]:
    """Return headrace's wheel in the study, by its path, for where no index has it; or nothing.

    Errors:
        ProjectError: its hash is not the one that the lock has.
    """
    pin = next(pin for pin in pins((root / NAME).read_text("utf-8")) if pin.name == HEADRACE)
    wheels = {}
    for path in sorted((root / VENDOR).glob(f"{HEADRACE}-{pin.version}-*.whl")):
        content, name = path.read_bytes(), path.relative_to(root).as_posix()
        if hashlib.sha256(content).hexdigest() not in pin.text:
            raise ProjectError(f"{name} is not the wheel in {NAME}. Next: git checkout {name}")
        wheels[name] = content
    return wheels
