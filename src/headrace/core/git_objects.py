"""Git's objects, read through one process: a blob costs microseconds, not a start of git."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Self

from headrace.errors import ProjectError


@dataclass(frozen=True)
class Object:
    """What git has under a name: its hash, its kind ("blob", "tree", "commit"), its bytes."""

    hash: str
    kind: str
    content: bytes


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
        self._ask([name])
        answer = self._answer()
        return answer.content if answer else None

    def read_many(self, names: Sequence[str]) -> Iterator[Object | None]:
        """Return what git has under each of the names, in their order; None where it has nothing.

        A thread writes the names while the answers are read: git stops reading names when nobody
        reads its answers, and a pipe holds only so much.
        """
        writer = Thread(target=self._ask, args=(names,), daemon=True)
        writer.start()
        left = len(names)
        try:
            for _ in names:
                left -= 1
                yield self._answer()
        finally:
            for _ in range(left):  # or the next question would get an answer to these
                self._answer()
            writer.join()

    def _ask(self, names: Sequence[str]) -> None:
        assert self._process.stdin is not None
        lines = ("" if "\n" in name else name for name in names)  # git has nothing of no name
        with suppress(BrokenPipeError):  # it has ended; so have its answers
            for line in lines:
                self._process.stdin.write(line.encode("utf-8", "surrogateescape") + b"\n")
            self._process.stdin.flush()

    def _answer(self) -> Object | None:
        assert self._process.stdout is not None
        head = self._process.stdout.readline().split(b" ")
        if len(head) != 3 or not head[2].strip().isdigit():  # "NAME missing", "NAME ambiguous"
            return None
        content = self._process.stdout.read(int(head[2]))
        self._process.stdout.read(1)
        return Object(head[0].decode(), head[1].decode(), content)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
