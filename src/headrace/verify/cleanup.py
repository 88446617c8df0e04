"""Remove a folder once whoever holds the other end of our standard input is gone, however it went.

Run as a plain script, by `rooms`: it outlives a process that is killed.
"""

import shutil
import sys
import time
from pathlib import Path

PATIENCE_S = 20.0
"""What still runs in the folder may write for a moment after its death was asked for."""


def main(folder: Path) -> None:
    """Wait for the end of standard input, then remove the folder."""
    sys.stdin.buffer.read()
    until = time.monotonic() + PATIENCE_S
    while folder.exists() and time.monotonic() < until:
        _open_up(folder)
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.02)
    sys.exit(folder.exists())


def _open_up(folder: Path) -> None:
    """Make folders writable that a stage has closed."""
    for inside in (folder, *folder.rglob("*")):
        if inside.is_dir() and not inside.is_symlink():
            inside.chmod(0o700)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
