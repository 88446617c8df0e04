"""What a bundle runs on: Python, the system, and the packages that answering needs, exactly."""

import platform
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from headrace.errors import ProjectError
from headrace.project import Project

LOCK = "requirements.lock"
GROUP = "serve"
PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")


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
        "packages": {name: version(name) for name in sorted(packages)},
    }


def version(name: str) -> str:
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
    pairs += [(name, wanted, version(name)) for name, wanted in known.items()]
    return [
        Difference(name, str(wanted), str(found) or "not installed")
        for name, wanted, found in pairs
        if wanted != found
    ]


def serving(project: Project) -> list[str]:
    """Return the packages that answering needs: those of the group `serve`, and what they need.

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
    found: dict[str, None] = {}
    left = [Requirement(entry) for entry in groups[GROUP]]
    while left:
        wanted = left.pop()
        name = canonicalize_name(wanted.name)
        if name not in found:
            found[name] = None
            left += _needs(wanted)
    return sorted(found)


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


def requirements(lock: Path, packages: Iterable[str]) -> str:
    """Return the part of requirements.lock that pins these packages, with their hashes.

    Errors:
        ProjectError: the lock lacks one of them.
    """
    blocks = dict(_blocks(lock.read_text("utf-8")))
    lacking = sorted(set(packages) - blocks.keys())
    if lacking:
        raise ProjectError(f"{LOCK} lacks {', '.join(lacking)}. Next: make lock")
    return "".join(blocks[name] for name in sorted(set(packages)))


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield each pinned package's name with its lines."""
    for block in re.split(r"(?m)^(?=[A-Za-z0-9])", text):
        if found := PINNED.match(block):
            yield canonicalize_name(found[1]), block
