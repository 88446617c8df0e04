"""What git's history has of the files of alerts/: each state of each, and whose commit made it."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from headrace.core import git, identity
from headrace.core.git import Objects
from headrace.core.identity import Moment
from headrace.errors import DataError, ProjectError
from headrace.incidents import store
from headrace.incidents.incident import Incident


@dataclass(frozen=True)
class Commit:
    """A commit that touched a path that is asked for."""

    hash: str
    by: Moment
    subject: str

    @property
    def named(self) -> str:
        """Its hash in short, and its author."""
        return f"{self.hash[:10]} by {self.by.person}"


@dataclass
class Past:
    """What history has of one file: its distinct states, oldest first, each with its commit."""

    path: str
    states: list[tuple[Commit, Incident]] = field(default_factory=list)
    last: Incident | None = None
    """As it is at HEAD; None where it is gone, or cannot be read."""
    problem: str = "it was taken away"
    shallow: bool = False

    @property
    def rule(self) -> str:
        """The rule that the incident is of."""
        return self.states[-1][1].rule

    @property
    def study(self) -> str:
        """The way from the repository's top to the study that it is of."""
        return self.path.rpartition(f"{store.FOLDER}/")[0]


def pasts(root: Path, objects: Objects, prefix: str, *, shallow: bool) -> Iterator[Past]:
    """Walk what became of each file of a study's alerts/, those that are gone among them."""
    place = f"{prefix}{store.FOLDER}"
    found: dict[str, Past] = {}
    seen: set[tuple[str, str]] = set()
    for commit in commits(root, objects, place):
        for stem, blob in _files(objects, f"{commit.hash}:{place}").items():
            past = found.setdefault(stem, Past(f"{place}/{stem}.json", shallow=shallow))
            content = None if (stem, blob) in seen else objects.read(blob)
            seen.add((stem, blob))
            with suppress(DataError):
                if content is not None:
                    past.states.append((commit, store.parse(stem, content)))
    now = _files(objects, f"HEAD:{place}")
    for stem, past in found.items():
        if stem in now:
            try:
                past.last = store.parse(stem, objects.read(now[stem]) or b"")
            except DataError as error:
                past.problem = f"it cannot be read: {error}"
        if past.states or stem in now:
            yield past


def commits(root: Path, objects: Objects, place: str) -> Iterator[Commit]:
    """Walk the commits that touched a folder or a file, those before their descendants."""
    words = ("rev-list", "--full-history", "--topo-order", "--reverse", "HEAD", "--", place)
    hashes = git.run(_top(root), *words).split()
    for digest, found in zip(hashes, [*objects.read_many(hashes)], strict=True):
        if found is not None:
            head, _, message = found.content.decode("utf-8", "backslashreplace").partition("\n\n")
            author = next((one[7:] for one in head.split("\n") if one.startswith("author ")), "")
            yield Commit(digest, identity.parse(author), message.partition("\n")[0])


def _top(root: Path) -> Path:
    """Return where paths begin: the working tree's top, or the bare clone itself."""
    try:
        return Path(git.run(root, "rev-parse", "--show-toplevel").rstrip("\n"))
    except ProjectError:
        return root


def _files(objects: Objects, name: str) -> dict[str, str]:
    """Return the blobs of a folder's incident files, by the files' names without the ending."""
    found = next(objects.read_many([name]))
    content = found.content if found is not None and found.kind == "tree" else b""
    size = len(found.hash) // 2 if found else 0
    blobs = {}
    while content:
        head, _, rest = content.partition(b"\0")
        mode, _, file = head.decode("utf-8", "surrogateescape").partition(" ")
        if mode.startswith("100") and file.endswith(".json"):
            blobs[file.removesuffix(".json")] = rest[:size].hex()
        content = rest[size:]
    return blobs


def last_change(root: Path, past: Past) -> str:
    """Name the commit that last changed a file."""
    words = ("log", "-1", "--no-show-signature", "--format=%h by %an <%ae>", "HEAD")
    return git.run(_top(root), *words, "--", past.path).strip()
