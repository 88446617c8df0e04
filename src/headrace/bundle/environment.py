"""What a bundle runs on: Python, the system, and the packages that answering needs, exactly."""

import platform
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from typing import NamedTuple


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
