"""Who acts and when, as git records it."""

import re
from dataclasses import dataclass
from pathlib import Path

from headrace.core import git
from headrace.errors import ProjectError

IDENTITY = re.compile(
    r"(?P<name>[^<\n]*?) ?<(?P<email>[^>\n]*)> (?P<time>-?\d+) (?P<zone>[+-]\d{4})"
)


@dataclass(frozen=True)
class Person:
    """A name and an e-mail address, as git has them."""

    name: str
    email: str

    def is_same(self, person: "Person") -> bool:
        """Tell whether both are one person: by address, without regard to case."""
        return self.email.casefold() == person.email.casefold()

    def __str__(self) -> str:
        """Write both, as git does."""
        return f"{self.name} <{self.email}>"

    def as_json(self) -> dict[str, str]:
        """Return it for the evidence."""
        return {"name": self.name, "email": self.email}


@dataclass(frozen=True)
class Moment:
    """Who did something, and when: seconds since 1970, and the zone as git writes it."""

    person: Person
    time: int
    zone: str


def parse(text: str) -> Moment:
    """Parse git's line for a person and a time; a broken one has no e-mail address and time 0."""
    match = IDENTITY.fullmatch(text)  # a commit may be written by any program, and hold anything
    if match is None:
        return Moment(Person(text.partition("<")[0].strip(), ""), 0, "+0000")
    return Moment(Person(match["name"], match["email"]), int(match["time"]), match["zone"])


def author_of(header: str) -> Moment:
    """Return who made a commit, from the lines before its message."""
    lines = (line for line in header.split("\n") if line.startswith("author "))
    return parse(next(lines, "").removeprefix("author "))


def committer(root: Path) -> Moment:
    """Return who would be the author of a tag now.

    Errors:
        ProjectError: git does not know who that is.
    """
    return _now(root, "GIT_COMMITTER_IDENT", "a tag")


def author(root: Path, content: str = "a decision") -> Moment:
    """Return who would be the author of a commit now; `content` is what the commit holds.

    Errors:
        ProjectError: git does not know who that is.
    """
    return _now(root, "GIT_AUTHOR_IDENT", content)


def _now(root: Path, role: str, subject: str) -> Moment:
    try:
        # Git's own answer: it may be from a variable, any of its files, or the machine's name.
        line = git.run(root, "var", role).strip()
    except ProjectError:
        raise ProjectError(
            f"git does not know who you are, and {subject} bears a name."
            " Next: git config user.name NAME && git config user.email ADDRESS"
        ) from None
    return parse(line)
