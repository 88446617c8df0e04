"""Where a score reads and writes: three files, none of which is another."""

from pathlib import Path

from headrace.core import tables
from headrace.errors import DataError


def aside(rows: Path, scored: Path) -> Path:
    """Return the file of the refused rows, which lies beside the scored ones.

    Errors:
        DataError: a file is of no kind that is known, would be written over, or is a folder.
    """
    for path in (rows, scored):
        tables.kind(path)
    refused = scored.with_name(f"{scored.stem}.refused{scored.suffix}")
    step = "Next: name another OUT"
    if _same(rows, scored):
        raise DataError(f"{scored} would be written over while it is read. {step}")
    if _same(rows, refused):
        raise DataError(f"{refused} is where refused rows go, and would be written over. {step}")
    if _same(scored, refused):
        raise DataError(f"{scored} and {refused} are one file. {step}")
    for path in (scored, refused):
        if path.is_dir():
            raise DataError(f"{path} is a folder. {step}")
    return refused


def _same(one: Path, other: Path) -> bool:
    """Tell whether two paths lead to one file, by links too."""
    if one.exists() and other.exists():
        return one.samefile(other)
    return one.resolve() == other.resolve()
