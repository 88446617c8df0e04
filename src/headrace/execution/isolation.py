"""What a stage does differently in a clean room: it says which files it opens, and whom it asks."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOM = "HEADRACE_ROOM"
"""The variable that names, in a room, the file to which is written what was heard."""

PERTURBED = ("PYTHONHASHSEED", "TZ", "LANG", "LC_ALL")
WRITING = os.O_WRONLY | os.O_RDWR
SELF = ("localhost", "127.", "::1", "0.0.0.0")


def active() -> bool:
    """Tell whether this process runs in a clean room."""
    return ROOM in os.environ


def world(outer: Mapping[str, str]) -> dict[str, str]:
    """Return what of the room's own world a stage is to meet, in place of what is fixed else."""
    return {name: outer[name] for name in PERTURBED if name in outer}


@contextmanager
def listening() -> Iterator[None]:
    """Write down every file that Python opens for reading here, and every host that it asks for.

    Outside a clean room nothing is heard. Children that were forked are heard as well; what a
    library opens in C is not.
    """
    if not active():
        yield
        return
    _see_fewer_processors()
    ear = _Ear(os.environ[ROOM])
    sys.addaudithook(ear.hear)
    try:
        yield
    finally:
        ear.on = False


def _see_fewer_processors() -> None:
    """Let os.cpu_count tell the processors of the room, as PYTHON_CPU_COUNT does from 3.13 on."""
    count = os.environ.get("PYTHON_CPU_COUNT", "")
    if count.isdigit():
        os.cpu_count = lambda: int(count)


class _Ear:
    """A hook for Python's audit events, which cannot be taken off, but can be deaf."""

    def __init__(self, path: str) -> None:
        self.on = True
        self._heard: set[tuple[str, str]] = set()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def hear(self, event: str, details: tuple[Any, ...]) -> None:
        """Take in one event; most are not for us."""
        if not self.on:
            return
        if event == "open":
            self._opened(*details)
        elif event == "socket.connect":
            self._asked(details[1])
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            self._asked(details)

    def _opened(self, path: object, mode: str | None, flags: int) -> None:
        reading = not flags & WRITING if mode is None else mode[:1] == "r" and "+" not in mode
        if reading and isinstance(path, str | bytes | os.PathLike):
            self._say("read", str(Path(os.fsdecode(path)).absolute()))

    def _asked(self, address: object) -> None:
        if not isinstance(address, tuple) or not isinstance(address[0], str | bytes):
            return  # a socket of this machine's own, which has a path
        host = os.fsdecode(address[0])
        if host and not host.startswith(SELF):
            port = f":{address[1]}" if len(address) > 1 and address[1] else ""
            self._say("asked", f"{host}{port}")

    def _say(self, kind: str, what: str) -> None:
        if (kind, what) not in self._heard:
            self._heard.add((kind, what))
            os.write(self._file, f"{json.dumps([kind, what])}\n".encode())
