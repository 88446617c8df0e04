"""What git knows of the project, asked without changing anything: not even the index's times."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from headrace.errors import ProjectError

QUIET = {"GIT_OPTIONAL_LOCKS": "0", "GIT_LITERAL_PATHSPECS": "1"}


def run(
    root: Path, *words: str, more: Mapping[str, str] | None = None, told: bytes | None = None
) -> str:
    """Run git in the project's folder and return what it printed; `told` is what it reads.

    Errors:
        ProjectError: git is not there, or it refused; its own words are shown.
    """
    command = ["git", *words]
    environment = os.environ | QUIET | dict(more or {})
    try:
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, check=False, input=told
        )
    except FileNotFoundError:
        raise ProjectError("git is not installed. Next: install git") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise ProjectError(f"git {words[0]}: {said}")
    return done.stdout.decode("utf-8", "surrogateescape")


def is_repository(root: Path) -> bool:
    """Tell whether the folder lies in a git repository's working tree."""
    try:
        return run(root, "rev-parse", "--is-inside-work-tree").strip() == "true"
    except ProjectError:
        return False


def tracked(root: Path) -> list[str]:
    """Return the files that git tracks below the folder, by their paths from there on."""
    return [name for name in run(root, "ls-files", "-z").split("\0") if name]


def changed_files(root: Path) -> list[str]:
    """Return the tracked files below the folder that differ from the last commit."""
    listed = run(
        root, "diff", "--name-only", "--no-ext-diff", "-z", "--relative", "HEAD", "--", "."
    )
    return [name for name in listed.split("\0") if name]


def is_dirty(root: Path) -> bool:
    """Tell whether any file below the folder is not as committed, or new and not ignored."""
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

    What git does not have yet is written into the folder `objects`, not into the repository.
    """
    with _copied_index(root, objects) as more:
        run(root, "add", "--update", ".", more=more)
        return _tree(root, more)


def _tree(root: Path, more: Mapping[str, str]) -> str:
    """Return the hash of the folder's tree in an index."""
    prefix = run(root, "rev-parse", "--show-prefix").rstrip("\n")
    words = [f"--prefix={prefix}"] if prefix else []
    return run(root, "write-tree", *words, more=more).strip()


def staged_tree(root: Path, objects: Path) -> str:
    """Return the hash of the folder's tree in the index: as the next commit will make it.

    In a hook that is git's word for the commit at hand, which may have an index of its own.
    """
    with _copied_index(root, objects) as more:
        return _tree(root, more)


def export_tree(root: Path, tree: str, into: Path, objects: Path | None = None) -> None:
    """Write the files of a tree into an empty folder, as a checkout would."""
    with _index(into) as index:
        more = {"GIT_INDEX_FILE": str(index), **(_aside(root, objects) if objects else {})}
        run(root, "read-tree", tree, more=more)
        top = run(root, "rev-parse", "--show-toplevel").rstrip("\n")
        run(Path(top), "checkout-index", "--all", f"--prefix={into}/", more=more)


def _aside(root: Path, objects: Path) -> dict[str, str]:
    """Return variables by which git writes new objects into a folder of their own."""
    own = (root / run(root, "rev-parse", "--git-path", "objects").rstrip("\n")).resolve()
    return {"GIT_OBJECT_DIRECTORY": str(objects), "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(own)}


@contextmanager
def _copied_index(root: Path, objects: Path) -> Iterator[dict[str, str]]:
    """Yield variables by which git works on a copy of the index, and writes into `objects`."""
    own = root / run(root, "rev-parse", "--git-path", "index").rstrip("\n")
    with _index(objects) as index:
        if own.exists():
            shutil.copy2(own, index)  # by its time git knows which files may have changed since
        yield {"GIT_INDEX_FILE": str(index), **_aside(root, objects)}


@contextmanager
def _index(beside: Path) -> Iterator[Path]:
    """Yield the path of an index beside a folder, which goes away again."""
    index = beside.with_name(f"{beside.name}.index")
    try:
        yield index
    finally:
        index.unlink(missing_ok=True)
