"""A stage in a clean room: it records the files that it opens and the hosts that it contacts."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOM = "HEADRACE_ROOM"
"""The variable that names the room's file for these records."""

PERTURBED = ("PYTHONHASHSEED", "TZ", "LANG", "LC_ALL")
WRITING = os.O_WRONLY | os.O_RDWR
SELF = ("localhost", "127.", "::1", "0.0.0.0")


def active() -> bool:
    """Tell whether this process runs in a clean room."""
    return ROOM in os.environ


def room_variables(outer: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the room sets, in place of the pinned ones."""
    return {name: outer[name] for name in PERTURBED if name in outer}


@contextmanager
def recording() -> Iterator[None]:
    """Record each file that Python opens for reading, and each host that it looks up or contacts.

    Outside a clean room nothing is recorded. Forked children are recorded as well; files that a
    library opens in C are not.
    """
    if not active():
        yield
        return
    _limit_cpu_count()
    hook = _AuditHook(os.environ[ROOM])
    sys.addaudithook(hook.audit)
    try:
        yield
    finally:
        hook.on = False


def _limit_cpu_count() -> None:
    """Let os.cpu_count return the room's number, as PYTHON_CPU_COUNT does from 3.13 on."""
    count = os.environ.get("PYTHON_CPU_COUNT", "")
    if count.isdigit():
        os.cpu_count = lambda: int(count)


class _AuditHook:
    """A hook for Python's audit events, which cannot be removed, but switched off."""

    def __init__(self, path: str) -> None:
        self.on = True
        self._recorded: set[tuple[str, str]] = set()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def audit(self, event: str, details: tuple[Any, ...]) -> None:
        """Handle one event; most are ignored."""
        if not self.on:
            return
        if event == "open":
            self._opened(*details)
        elif event == "socket.connect":
            self._contacted(details[1])
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            self._contacted(details)

    def _opened(self, path: object, mode: str | None, flags: int) -> None:
        reading = not flags & WRITING if mode is None else mode[:1] == "r" and "+" not in mode
        if reading and isinstance(path, str | bytes | os.PathLike):
            self._record("read", str(Path(os.fsdecode(path)).absolute()))

    def _contacted(self, address: object) -> None:
        if not isinstance(address, tuple) or not isinstance(address[0], str | bytes):
            return  # a Unix socket, which has a path
        host = os.fsdecode(address[0])
        if host and not host.startswith(SELF):
            port = f":{address[1]}" if len(address) > 1 and address[1] else ""
            self._record("asked", f"{host}{port}")

    def _record(self, kind: str, name: str) -> None:
        if (kind, name) not in self._recorded:
            self._recorded.add((kind, name))
            os.write(self._file, f"{json.dumps([kind, name])}\n".encode())
