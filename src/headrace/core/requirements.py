"""requirements.lock: the exact version and the hashes of every package of a study's environment."""

import hashlib
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import headrace
from headrace.errors import ProjectError

NAME = "requirements.lock"
VENDOR = "vendor"
"""The folder of a study's wheels that no index has."""
SITE = Path(headrace.__file__).parents[1]
"""Where this very headrace is installed."""
MAX_LISTED = 5
"""Differences that a message lists; it counts the others."""
PIN = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[.*?\])?\s*==\s*(?P<version>[^\s;\\]+)\s*(?:;(?P<marker>[^\\]*))?"
)


@dataclass(frozen=True)
class Pin:
    """One entry of a lock: its normalized name, version and marker, its first line, its text."""

    name: str
    version: str
    marker: str
    line: int
    text: str

    @property
    def applies(self) -> bool:
        """Whether its marker, such as `sys_platform == 'win32'`, is true here."""
        return _is_true(self.marker)


def pins(text: str) -> Iterator[Pin]:
    """Yield the entries of a lock; a package has several where Pythons or systems need others."""
    line = 1
    for block in re.split(r"(?m)^(?=[A-Za-z0-9])", text):
        if pin := PIN.match(block):
            marker = (pin["marker"] or "").strip()
            yield Pin(normalize_name(pin["name"]), pin["version"], marker, line, block)
        line += block.count("\n")


def normalize_name(name: str) -> str:
    """Return a package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def _is_true(marker: str) -> bool:
    if not marker:
        return True
    from packaging.markers import InvalidMarker, Marker  # most entries have none

    try:
        return Marker(marker).evaluate()
    except InvalidMarker:
        return False


def locked_pins(root: Path) -> Iterator[Pin]:
    """Yield the pins of a study's lock that apply to this machine; none where there is no lock."""
    path = root / NAME
    text = path.read_text("utf-8", "replace") if path.is_file() else ""
    return (pin for pin in pins(text) if pin.applies)


@cache
def installed_versions() -> Mapping[str, str]:
    """Return name and version of the installed packages, by the names of their folders."""
    versions: dict[str, str] = {}
    # importlib.metadata would parse the METADATA of each package: 75 times as long.
    for folder in map(Path, filter(None, sys.path)):
        for info in folder.glob("*.dist-info"):
            project, _, version = info.stem.partition("-")
            versions.setdefault(normalize_name(project), version)  # the first on sys.path wins
    return versions


def differences(root: Path) -> dict[str, int]:
    """Return where the environment differs from the lock, each with its line in the lock."""
    problems = {pin: _difference(root, pin) for pin in locked_pins(root)}
    return {problem: pin.line for pin, problem in problems.items() if problem}


def _difference(root: Path, pin: Pin) -> str:
    """Return how a locked package differs from what is installed; nothing where it does not."""
    version = installed_versions().get(pin.name)
    if not _is_same(version, pin.version):
        return f"{pin.name} is {version or 'missing'} (locked: {pin.version})"
    if pin.name == "headrace" and is_other_build(root, pin):
        return f"{pin.name} {version} is another build than the lock's"
    return ""


def _is_same(version: str | None, locked: str) -> bool:
    """Tell whether two versions are equal: 1.0 is 1.0.0."""
    from packaging.version import InvalidVersion, Version

    try:
        return version == locked or (version is not None and Version(version) == Version(locked))
    except InvalidVersion:
        return False


def require_version(root: Path, installed: str, site: Path = SITE) -> None:
    """Refuse to run where the lock names another headrace than the one that is installed.

    Errors:
        ProjectError: requirements.lock has another version, or another build of this version.
    """
    lock = root / NAME
    text = lock.read_text("utf-8", "replace") if lock.is_file() else ""
    locked = next((pin for pin in pins(text) if pin.name == "headrace"), None)
    if locked is None:
        return
    if locked.version != installed:
        problem = f"headrace {installed} is installed, but {NAME} has headrace {locked.version}."
    elif is_other_build(root, locked, site):
        problem = f"headrace {installed} is installed, but not from the wheel that {NAME} names."
    else:
        return
    raise ProjectError(f"{problem} Next: make --always-make setup")


def is_other_build(root: Path, locked: Pin, site: Path = SITE) -> bool:
    """Tell whether other bytes of a locked version are installed than those of its wheel.

    pip and uv copy a wheel's RECORD, the hashes of its files, and add lines of their own. Nothing
    is told where the study has no such wheel, or where a working tree is installed as editable.

    Source: PEP 376 and the specification "Recording installed projects".
    """
    release = f"{locked.name}-{locked.version}"
    record = site / f"{release}.dist-info/RECORD"
    wheel = root / VENDOR / f"{release}-py3-none-any.whl"
    if not record.is_file() or not wheel.is_file():
        return False
    if hashlib.sha256(wheel.read_bytes()).hexdigest() not in locked.text:
        return False  # then the lock cannot be installed at all, and pip says so
    with zipfile.ZipFile(wheel) as archive:
        expected = archive.read(f"{release}.dist-info/RECORD").decode().splitlines()
    return not {*expected} <= {*record.read_text("utf-8").splitlines()}
