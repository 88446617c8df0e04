"""One `headrace ingest` at a time: two would each write a list without the other's batch."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = ".headrace/ingest.lock"
WAITS = "Another headrace ingest is at work here; this one waits for it"


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Wait, and say so, until no other process takes a batch into this study."""
    path = root / FILE
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(WAITS, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
