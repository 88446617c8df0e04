"""Ask git about the project, without changing anything: not even the times in its index."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Self

from headrace.errors import ProjectError

# A command that only asks must not wait for, or hold, the index lock of the user's own git; and a
# path with a star in it is that file, not a pattern.
QUIET = {"GIT_OPTIONAL_LOCKS": "0", "GIT_LITERAL_PATHSPECS": "1"}


def run(
    root: Path, *words: str, env: Mapping[str, str] | None = None, input: bytes | None = None
) -> str:
    """Run git in the project's folder and return what it printed.

    `env` are further variables, `input` is what git reads.

    Errors:
        ProjectError: git is not installed, or it failed; its message is shown.
    """
    result = execute(root, *words, env=env, input=input)
    if result.returncode:
        message = result.stderr.decode("utf-8", "replace").strip()
        raise ProjectError(f"git {words[0]}: {message}")
    # A path in git may hold any bytes: undecodable ones come back as they were when written.
    return result.stdout.decode("utf-8", "surrogateescape")


def execute(
    root: Path, *words: str, env: Mapping[str, str] | None = None, input: bytes | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """Run git and return its exit code and output; see `run`.

    Errors:
        ProjectError: git is not installed.
    """
    environment = os.environ | QUIET | dict(env or {})
    command = ["git", *words]
    try:
        return subprocess.run(
            command, cwd=root, env=environment, capture_output=True, check=False, input=input
        )
    except FileNotFoundError:
        raise ProjectError("git is not installed. Next: install git") from None


def top(root: Path) -> Path | None:
    """Return the working tree's top folder; None in a bare repository."""
    try:
        return Path(run(root, "rev-parse", "--show-toplevel").rstrip("\n"))
    except ProjectError:
        return None


def prefix(root: Path) -> str:
    """Return the path from the repository's top to a folder, such as "studies/one/"."""
    return run(root, "rev-parse", "--show-prefix").rstrip("\n")


def is_shallow(root: Path) -> bool:
    """Return whether the clone holds only the newest part of the history."""
    return run(root, "rev-parse", "--is-shallow-repository").strip() == "true"


def is_repository(root: Path) -> bool:
    """Tell whether the folder lies in a git repository's working tree."""
    try:
        return run(root, "rev-parse", "--is-inside-work-tree").strip() == "true"
    except ProjectError:
        return False


def tracked(root: Path) -> list[str]:
    """Return the tracked files below the folder, by their paths from there on."""
    return [name for name in run(root, "ls-files", "-z").split("\0") if name]


def changed_files(root: Path) -> list[str]:
    """Return the tracked files below the folder that differ from the last commit."""
    listed = run(
        root, "diff", "--name-only", "--no-ext-diff", "-z", "--relative", "HEAD", "--", "."
    )
    return [name for name in listed.split("\0") if name]


def is_dirty(root: Path) -> bool:
    """Tell whether a file below the folder differs from the last commit, or is new."""
    return run(root, "status", "--porcelain", "--untracked-files=normal", "--", ".") != ""


def head_tree(root: Path) -> str:
    """Return the hash of the folder's tree in the last commit.

    Errors:
        ProjectError: there is no commit yet, or it does not hold the folder.
    """
    try:
        return run(root, "rev-parse", "--verify", "HEAD:./").strip()
    except ProjectError:
        raise ProjectError(
            f"{root} is in no git commit. Next: git add . && git commit -m 'Begin'"
        ) from None


def working_tree(root: Path, objects: Path) -> str:
    """Return the hash of the folder's tree as a commit of all tracked files would make it now.

    New objects are written into the folder `objects`, not into the repository.
    """
    with _copied_index(root, objects) as env:
        run(root, "add", "--update", ".", env=env)  # what git does not track is in no commit
        return _tree(root, env)


def _tree(root: Path, env: Mapping[str, str]) -> str:
    """Return the hash of the folder's tree in an index."""
    folder = prefix(root)
    words = [f"--prefix={folder}"] if folder else []
    return run(root, "write-tree", *words, env=env).strip()


def staged_tree(root: Path, objects: Path) -> str:
    """Return the hash of the folder's tree in the index: as the next commit will make it.

    In a hook it is the index of that commit, which may be another than the repository's.
    """
    with _copied_index(root, objects) as env:
        return _tree(root, env)


def export_tree(root: Path, tree: str, into: Path, objects: Path | None = None) -> None:
    """Write the files of a tree into an empty folder, as a checkout would."""
    with _index(into) as index:
        env = {"GIT_INDEX_FILE": str(index), **(_object_folder(root, objects) if objects else {})}
        run(root, "read-tree", tree, env=env)
        # From the top: checkout-index writes only what lies below the working directory.
        top = run(root, "rev-parse", "--show-toplevel").rstrip("\n")
        run(Path(top), "checkout-index", "--all", f"--prefix={into}/", env=env)


def _object_folder(root: Path, objects: Path) -> dict[str, str]:
    """Return variables by which git writes new objects into a folder of their own."""
    existing = (root / run(root, "rev-parse", "--git-path", "objects").rstrip("\n")).resolve()
    return {"GIT_OBJECT_DIRECTORY": str(objects), "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(existing)}


@contextmanager
def _copied_index(root: Path, objects: Path) -> Iterator[dict[str, str]]:
    """Yield variables by which git works on a copy of the index, and writes into `objects`."""
    original = root / run(root, "rev-parse", "--git-path", "index").rstrip("\n")
    with _index(objects) as index:
        if original.exists():
            shutil.copy2(original, index)  # git compares its time with those of the files
        yield {"GIT_INDEX_FILE": str(index), **_object_folder(root, objects)}


@contextmanager
def _index(beside: Path) -> Iterator[Path]:
    """Yield the path of an index beside a folder, and delete it afterwards."""
    index = beside.with_name(f"{beside.name}.index")
    try:
        yield index
    finally:
        index.unlink(missing_ok=True)


@dataclass(frozen=True)
class Object:
    """An object of git: its hash, its kind ("blob", "tree", "commit"), its bytes."""

    hash: str
    kind: str
    content: bytes


class Objects:
    """A `git cat-file --batch` that stays open: an object costs microseconds.

    Source: git-cat-file(1), "BATCH OUTPUT".
    """

    def __init__(self, root: Path) -> None:
        command = ["git", "cat-file", "--batch"]
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        try:
            self._process = subprocess.Popen(
                command, cwd=root, stdin=pipe, stdout=pipe, stderr=null
            )
        except FileNotFoundError:
            raise ProjectError("git is not installed. Next: install git") from None

    def read(self, name: str) -> bytes | None:
        """Return the content of an object, or None where git has none of that name.

        A name is such as `4df4c8d` or `main:metrics/train.json`; one with a line break is unknown.
        """
        if "\n" in name:
            return None
        self._request([name])
        result = self._read_object()
        return result.content if result else None

    def read_many(self, names: Sequence[str]) -> Iterator[Object | None]:
        """Yield the object of each name, in their order; None where git has none.

        A thread writes the names while the answers are read: git stops reading names when its
        answers fill the pipe.
        """
        writer = Thread(target=self._request, args=(names,), daemon=True)
        writer.start()
        unread = len(names)
        try:
            for _ in names:
                unread -= 1
                yield self._read_object()
        finally:
            for _ in range(unread):  # or the next question would get these answers
                self._read_object()
            writer.join()

    def _request(self, names: Sequence[str]) -> None:
        assert self._process.stdin is not None
        lines = ("" if "\n" in name else name for name in names)  # git has no object without a name
        with suppress(BrokenPipeError):  # git has ended, and answers nothing
            for line in lines:
                self._process.stdin.write(line.encode("utf-8", "surrogateescape") + b"\n")
            self._process.stdin.flush()

    def _read_object(self) -> Object | None:
        assert self._process.stdout is not None
        head = self._process.stdout.readline().split(b" ")
        if len(head) != 3 or not head[2].strip().isdigit():  # "NAME missing", "NAME ambiguous"
            return None
        content = self._process.stdout.read(int(head[2]))
        self._process.stdout.read(1)  # a line break follows each object
        return Object(head[0].decode(), head[1].decode(), content)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # It closes git's input, at which git ends, and reads what is left: a full pipe would hang.
        self._process.communicate()
