"""Write files whole or not at all."""

import glob
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in place in one step.

    A reader sees the old file or the new one, never a part; what fails leaves the old one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder: a rename between two file systems would be a copy, and not one step.
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())  # or a power cut may leave the new name with no bytes behind it
        # mkstemp lets only the owner read, and a study is read by a group, or by a server's user.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Remove what a killed process left beside a file that nobody is writing now."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*{path.suffix}"):
        left.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8 with Unix line ends, whole or not at all."""
    write_whole(path, lambda temporary: temporary.write_text(text, "utf-8", newline="\n"))


def _umask() -> int:
    """Return the process's umask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def unnamed() -> int:
    """Return a descriptor of an empty file without a name, in memory where the system can."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("headrace")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
