"""Remove a folder when standard input ends, that is, when the parent process is gone.

`clean_room` runs this as a script of its own, since it must outlive a parent that is killed.
"""

import shutil
import sys
import time
from pathlib import Path

TIMEOUT_S = 20.0
"""Processes in the folder may still write for a moment after they were told to end."""


def main(folder: Path) -> None:
    """Wait for the end of standard input, then remove the folder."""
    sys.stdin.buffer.read()
    deadline = time.monotonic() + TIMEOUT_S
    while folder.exists() and time.monotonic() < deadline:
        _make_writable(folder)
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.02)
    sys.exit(folder.exists())


def _make_writable(folder: Path) -> None:
    """Make folders writable that a stage made read-only."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
