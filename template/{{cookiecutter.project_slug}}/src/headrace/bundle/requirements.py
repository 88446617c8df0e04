"""Which packages answering needs, and the lines of requirements.lock that pin them."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from headrace.errors import ProjectError
from headrace.project import Project

LOCK = "requirements.lock"
GROUP = "serve"
PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")


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
    wanted = set(packages)
    blocks = [(name, block) for name, block in _blocks(lock.read_text("utf-8")) if name in wanted]
    lacking = sorted(wanted - {name for name, _ in blocks})
    if lacking:
        raise ProjectError(f"{LOCK} lacks {', '.join(lacking)}. Next: make lock")
    return "".join(block for _, block in blocks)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield each pin's name and lines: a package has several where Pythons need others."""
    for block in re.split(r"(?m)^(?=[A-Za-z0-9])", text):
        if found := PINNED.match(block):
            yield canonicalize_name(found[1]), block
