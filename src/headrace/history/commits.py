"""The commits of a branch along the first parent, by one `git log`."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from headrace.core import git, states
from headrace.errors import ProjectError, nearest

STAGED = re.compile(r"(#[\w-]+!?|@v\S+!)#\d+$")
"""Tags of stage changes, which `headrace audit` shows; a version's own tag is shown here."""
FIELDS = ("%H", "%P", "%cI", "%an", "%D", "%s")
BRANCHES = ("refs/heads/", "refs/remotes/")
LOG = (
    "log",
    "-z",
    "--first-parent",
    "--no-show-signature",  # a user's log.showSignature would print lines between the fields
    "--no-color",
    "--encoding=UTF-8",
    "--decorate=full",
    "--decorate-refs=refs/tags/*",
    *(f"--decorate-refs={branch}*" for branch in BRANCHES),
    f"--format={'%x00'.join(FIELDS)}",
)
DATE = re.compile(r"\d{4}-\d\d-\d\d")
NUMBER = re.compile(r"\d+|a|an|one|two|three|four|five|six|seven|eight|nine|ten")
TIME = re.compile(
    r"\d{4}-\d\d-\d\d(t.*)?|\d\d?:\d\d(:\d\d)?|\d\d?[ap]m|\d+(st|nd|rd|th)|[+-]\d{4}|@\d+"
    r"|(second|sec|minute|min|hour|day|week|month|year)s?|ago|last|yesterday|today|now|never"
    r"|midnight|noon|tea|am|pm|z|utc|gmt"
    r"|(mon|tues?|wed(nes)?|thu(rs)?|fri|sat(ur)?|sun)(day)?"
    r"|jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sep(tember)?|oct(ober)?"
    r"|nov(ember)?|dec(ember)?"
)
"""The words of dates that git knows; it silently takes any other word for "now"."""


@dataclass(frozen=True)
class Commit:
    """One commit; `date` is the committer's, in ISO 8601, `parent` the hash of its first parent."""

    hash: str
    parent: str | None
    date: str
    author: str
    subject: str
    tags: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()

    @property
    def day(self) -> str:
        """The date without the time."""
        return self.date[:10]

    @property
    def short(self) -> str:
        """The first digits of its hash."""
        return self.hash[: states.SHORT]


def log(root: Path, *, since: str | None, max_count: int | None, everywhere: bool) -> list[Commit]:
    """Return the commits of the branch, the oldest first; `everywhere`: of all branches.

    Errors:
        ProjectError: there is no commit, or git knows no such date or revision.
    """
    head = states.resolve(root, "HEAD")
    if head is None and not everywhere:
        raise ProjectError("There is no commit yet. Next: git add . && git commit -m 'Begin'")
    tips = [*(["HEAD"] if head else []), *(["--branches", "--remotes"] if everywhere else [])]
    limits = [*_since(root, since), *([f"--max-count={max_count}"] if max_count else [])]
    order = ["--date-order"] if everywhere else []
    commits = _parse(git.run(root, *LOG, *order, *tips, *limits, "--"))
    if not commits:
        step = "an earlier date" if since else "git add . && git commit -m 'Begin'"
        raise ProjectError(f"There is no commit{f' since {since}' if since else ''}. Next: {step}")
    return commits[::-1]


def _parse(listed: str) -> list[Commit]:
    texts = listed.split("\0")[:-1]
    count = len(FIELDS)
    return [_commit(*texts[at : at + count]) for at in range(0, len(texts), count)]


def _commit(digest: str, parents: str, date: str, author: str, names: str, subject: str) -> Commit:
    refs = [name.removeprefix("HEAD -> ") for name in names.split(", ")]  # no name has a space
    tags = [name.removeprefix("tag: refs/tags/") for name in refs if name.startswith("tag: ")]
    tags = [name for name in tags if not STAGED.search(name)]
    branches = [
        name.removeprefix(kind) for name in refs for kind in BRANCHES if name.startswith(kind)
    ]
    parent = parents.partition(" ")[0] or None
    return Commit(digest, parent, date, author, subject, tuple(tags), tuple(branches))


def _since(root: Path, text: str | None) -> list[str]:
    """Return git's options to begin at a revision, or at a date."""
    if text is None:
        return []
    commit = None if DATE.fullmatch(text) else states.resolve(root, text)
    if commit:
        return ["--not", f"{commit}^@", "--not"]  # its parents: the revision itself is shown
    if not is_date(text):
        refs = git.run(root, "for-each-ref", "--format=%(refname:short)").split()
        raise ProjectError(
            f"git knows no date and no revision {text!r}.{nearest(text, refs)}"
            " Next: --since 2026-01-31, --since '2 weeks ago', or a tag's name"
        )
    # Git takes the time of now where a date has none: the same day, hours later, shows others.
    return [f"--since={text} 00:00:00" if DATE.fullmatch(text) else f"--since={text}"]


def is_date(text: str) -> bool:
    """Tell whether git reads the text as a date, and not as "now" for want of a better guess."""
    words = [word for word in re.split(r"[\s.,_]+", text.lower()) if word]
    times = [word for word in words if TIME.fullmatch(word)]
    if not times or any(not TIME.fullmatch(word) and not NUMBER.fullmatch(word) for word in words):
        return False
    return all(_is_day(word) for word in times if DATE.match(word))


def _is_day(word: str) -> bool:
    try:
        datetime.fromisoformat(word.upper())
    except ValueError:
        return False
    return True
