"""What a tag of gto's says by its name, such as `model@v1.2.0` and `model#prod#3`.

gto's own reader would take half a second to import; the tests hold this one against it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import total_ordering

from headrace.core.artifact import NAME

NUMBER = r"(?:0|[1-9][0-9]*)"
WORD = rf"(?:{NUMBER}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
VERSION = re.compile(
    rf"v?({NUMBER})\.({NUMBER})\.({NUMBER})(?:-({WORD}(?:\.{WORD})*))?(\+[0-9a-zA-Z.-]+)?"
)
TAG = re.compile(
    rf"(?P<artifact>(?:[a-zA-Z0-9-_./]+=)?{NAME})"
    rf"(?:(?:#(?P<stage>{NAME})|@(?P<version>v{VERSION.pattern[2:]}))(?P<gone>!?)"
    r"|@(?P<deprecated>deprecated))(?:#(?P<counter>[0-9]+))?"
)


class Kind(StrEnum):
    """What an event does to an artifact, in gto's order for events of one second."""

    DEPRECATE = "deprecate"
    REGISTER = "register"
    DEREGISTER = "deregister"
    ASSIGN = "assign"
    UNASSIGN = "unassign"


@dataclass(frozen=True)
class Name:
    """A tag's name taken apart; `artifact` has its folder before a colon, as gto shows it."""

    artifact: str
    kind: Kind
    version: str = ""
    stage: str = ""
    counter: int | None = None

    def __str__(self) -> str:
        """Write it as a tag."""
        what = {
            Kind.DEPRECATE: "@deprecated",
            Kind.REGISTER: f"@{self.version}",
            Kind.DEREGISTER: f"@{self.version}!",
            Kind.ASSIGN: f"#{self.stage}",
            Kind.UNASSIGN: f"#{self.stage}!",
        }
        counter = "" if self.counter is None else f"#{self.counter}"
        return f"{self.artifact.replace(':', '=')}{what[self.kind]}{counter}"


def parse(tag: str) -> Name | None:
    """Return what a tag's name says; None where it is none of gto's."""
    found = TAG.fullmatch(tag)
    if found is None:
        return None
    version, stage, gone = found["version"] or "", found["stage"] or "", bool(found["gone"])
    if version:
        kind = Kind.DEREGISTER if gone else Kind.REGISTER
    elif stage:
        kind = Kind.UNASSIGN if gone else Kind.ASSIGN
    else:
        kind = Kind.DEPRECATE
    counter = int(found["counter"]) if found["counter"] else None
    return Name(found["artifact"].replace("=", ":"), kind, version, stage, counter)


@total_ordering
@dataclass(frozen=True)
class Version:
    """A semantic version, ordered as semver.org says."""

    major: int
    minor: int
    patch: int
    before: str = ""
    """What stands behind the dash of a pre-release, such as "rc.1"."""

    def __lt__(self, other: "Version") -> bool:
        return self._place() < other._place()

    def _place(self) -> tuple[object, ...]:
        words = [
            (0, int(one), "") if one.isdigit() else (1, 0, one)
            for one in self.before.split(".")
            if one
        ]
        return (self.major, self.minor, self.patch, not self.before, words)

    def __str__(self) -> str:
        """Write it with its v."""
        return f"v{self.major}.{self.minor}.{self.patch}{'-' if self.before else ''}{self.before}"

    def bump(self, part: str) -> "Version":
        """Return the next version: "major", "minor" or "patch"."""
        if part == "major":
            return Version(self.major + 1, 0, 0)
        if part == "minor":
            return Version(self.major, self.minor + 1, 0)
        return Version(self.major, self.minor, self.patch + (not self.before))


def version(text: str) -> Version | None:
    """Return a version, with or without its v; None where it is none."""
    found = VERSION.fullmatch(text)
    if found is None:
        return None
    return Version(int(found[1]), int(found[2]), int(found[3]), found[4] or "")
