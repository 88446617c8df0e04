"""Names of gto's tags, such as `model@v1.2.0` and `model#prod#3`, and semantic versions.

gto takes half a second to import; the tests compare this parser with gto's.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import total_ordering

from headrace.core.artifact import NAME

# The grammar of semver.org, 2.0: a number has no leading zero, a word has a letter or a dash.
NUMBER = r"(?:0|[1-9][0-9]*)"
WORD = rf"(?:{NUMBER}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
VERSION = re.compile(
    rf"v?({NUMBER})\.({NUMBER})\.({NUMBER})(?:-({WORD}(?:\.{WORD})*))?(\+[0-9a-zA-Z.-]+)?"
)
# As gto has it: the artifact's folder stands before "=", and a version has its v.
TAG = re.compile(
    rf"(?P<artifact>(?:[a-zA-Z0-9-_./]+=)?{NAME})"
    rf"(?:(?:#(?P<stage>{NAME})|@(?P<version>v{VERSION.pattern[2:]}))(?P<removed>!?)"
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
    """A parsed tag name; `artifact` has its folder before a colon, as gto shows it."""

    artifact: str
    kind: Kind
    version: str = ""
    stage: str = ""
    counter: int | None = None

    def __str__(self) -> str:
        """Return the tag."""
        subject = f"#{self.stage}" if self.stage else f"@{self.version or 'deprecated'}"
        removed = "!" if self.kind in (Kind.DEREGISTER, Kind.UNASSIGN) else ""
        counter = "" if self.counter is None else f"#{self.counter}"
        return f"{self.artifact.replace(':', '=')}{subject}{removed}{counter}"


def parse(tag: str) -> Name | None:
    """Parse a tag; return None where it is not one of gto's."""
    match = TAG.fullmatch(tag)
    if match is None:
        return None
    version, stage, removed = match["version"] or "", match["stage"] or "", bool(match["removed"])
    if version:
        kind = Kind.DEREGISTER if removed else Kind.REGISTER
    elif stage:
        kind = Kind.UNASSIGN if removed else Kind.ASSIGN
    else:
        kind = Kind.DEPRECATE
    counter = int(match["counter"]) if match["counter"] else None
    return Name(match["artifact"].replace("=", ":"), kind, version, stage, counter)


@total_ordering
@dataclass(frozen=True)
class Version:
    """A semantic version in its order. Source: Semantic Versioning 2.0.0, semver.org, 11."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""
    """The part behind the dash, such as "rc.1"."""

    def __lt__(self, other: "Version") -> bool:
        return self._sort_key() < other._sort_key()

    def _sort_key(self) -> tuple[object, ...]:
        # Numbers come before words, and a pre-release before its version.
        words = [
            (0, int(word), "") if word.isdigit() else (1, 0, word)
            for word in self.prerelease.split(".")
            if word
        ]
        return (self.major, self.minor, self.patch, not self.prerelease, words)

    def __str__(self) -> str:
        """Return it with its v."""
        suffix = f"-{self.prerelease}" if self.prerelease else ""
        return f"v{self.major}.{self.minor}.{self.patch}{suffix}"

    def bump(self, part: str) -> "Version":
        """Return the next version: "major", "minor" or "patch"."""
        if part == "major":
            return Version(self.major + 1, 0, 0)
        if part == "minor":
            return Version(self.major, self.minor + 1, 0)
        # The patch after v1.2.3-rc.1 is v1.2.3.
        return Version(self.major, self.minor, self.patch + (not self.prerelease))


def version(text: str) -> Version | None:
    """Parse a version, with or without its v; return None where it is not valid."""
    match = VERSION.fullmatch(text)
    if match is None:
        return None
    return Version(int(match[1]), int(match[2]), int(match[3]), match[4] or "")
