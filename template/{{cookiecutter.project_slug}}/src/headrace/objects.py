"""Git's objects, read through one process: a blob costs microseconds, not a start of git."""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from headrace.errors import ProjectError


class Objects:
    """A `git cat-file --batch` that stays open; a context, since it is a process."""

    def __init__(self, root: Path) -> None:
        command = ["git", "cat-file", "--batch"]
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        try:
            self._process = subprocess.Popen(
                command, cwd=root, stdin=pipe, stdout=pipe, stderr=nowhere
            )
        except FileNotFoundError:
            raise ProjectError("git is not installed. Next: install git") from None

    def read(self, name: str) -> bytes | None:
        """Return the content of an object by a name that git knows, or None if it knows none.

        Such as `4df4c8d`, or `main:metrics/train.json`; a line break in it is no name.
        """
        if "\n" in name:
            return None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(name.encode("utf-8", "surrogateescape") + b"\n")
        self._process.stdin.flush()
        head = self._process.stdout.readline().split(b" ")
        if len(head) != 3 or not head[2].strip().isdigit():  # "NAME missing", "NAME ambiguous"
            return None
        content = self._process.stdout.read(int(head[2]))
        self._process.stdout.read(1)
        return content

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._process.communicate()
