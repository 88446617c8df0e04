"""The files of alerts/ in git's history: each state, and the commit that made it."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from headrace.core import git, identity
from headrace.core.git import Objects
from headrace.core.identity import Moment
from headrace.errors import DataError
from headrace.incidents import store
from headrace.incidents.incident import Incident


@dataclass(frozen=True)
class Commit:
    """A commit that changed a file or a folder."""

    hash: str
    by: Moment
    subject: str

    def __str__(self) -> str:
        """Return its short hash, and its author."""
        return f"{self.hash[:10]} by {self.by.person}"


@dataclass
class FileHistory:
    """The distinct states of one file, oldest first, each with its commit."""

    path: str
    states: list[tuple[Commit, Incident]] = field(default_factory=list)
    last: Incident | None = None
    """Its state at HEAD; None where it was deleted, or cannot be read."""
    problem: str = "it was deleted"
    shallow: bool = False

    @property
    def rule(self) -> str:
        """The rule that the incident is of."""
        return self.states[-1][1].rule

    @property
    def study(self) -> str:
        """The path from the repository's top to the study."""
        return self.path.rpartition(f"{store.FOLDER}/")[0]


def file_histories(
    root: Path, objects: Objects, prefix: str, *, shallow: bool
) -> Iterator[FileHistory]:
    """Yield the history of each file of a study's alerts/, deleted ones among them."""
    folder = f"{prefix}{store.FOLDER}"
    histories: dict[str, FileHistory] = {}
    parsed: set[tuple[str, str]] = set()
    for commit in commits(root, objects, folder):
        for stem, blob in _files(objects, f"{commit.hash}:{folder}").items():
            path = f"{folder}/{stem}.json"
            history = histories.setdefault(stem, FileHistory(path, shallow=shallow))
            content = None if (stem, blob) in parsed else objects.read(blob)
            parsed.add((stem, blob))
            with suppress(DataError):
                if content is not None:
                    history.states.append((commit, store.parse(stem, content)))
    now = _files(objects, f"HEAD:{folder}")
    for stem, history in histories.items():
        if stem in now:
            try:
                history.last = store.parse(stem, objects.read(now[stem]) or b"")
            except DataError as error:
                history.problem = f"it cannot be read: {error}"
        if history.states or stem in now:
            yield history


def commits(root: Path, objects: Objects, path: str) -> Iterator[Commit]:
    """Yield the commits that changed a folder or a file, parents before children."""
    # Without --full-history git leaves out a branch whose change a merge discarded.
    words = ("rev-list", "--full-history", "--topo-order", "--reverse", "HEAD", "--", path)
    hashes = git.run(git.top(root) or root, *words).split()
    for digest, commit in zip(hashes, [*objects.read_many(hashes)], strict=True):
        if commit is not None:
            head, _, message = commit.content.decode("utf-8", "backslashreplace").partition("\n\n")
            yield Commit(digest, identity.author_of(head), message.partition("\n")[0])


def last_change(root: Path, history: FileHistory) -> str:
    """Return the short hash and the author of the commit that last changed a file."""
    # With log.showSignature, git would print the words of gpg before the line.
    words = ("log", "-1", "--no-show-signature", "--format=%h by %an <%ae>", "HEAD")
    return git.run(git.top(root) or root, *words, "--", history.path).strip()


def _files(objects: Objects, name: str) -> dict[str, str]:
    """Return the blobs of a folder's incident files, by their names without the suffix."""
    tree = next(objects.read_many([name]))
    content = tree.content if tree is not None and tree.kind == "tree" else b""
    size = len(tree.hash) // 2 if tree else 0
    blobs = {}
    while content:
        # An entry of a tree object: mode, space, name, NUL, and the hash as bytes.
        head, _, rest = content.partition(b"\0")
        mode, _, file = head.decode("utf-8", "surrogateescape").partition(" ")
        # A link or a folder of such a name is no incident.
        if mode.startswith("100") and file.endswith(".json"):
            blobs[file.removesuffix(".json")] = rest[:size].hex()
        content = rest[size:]
    return blobs
