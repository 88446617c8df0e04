"""The errors a user can meet, and the phrases that their messages share.

Each message says what is wrong, where, and what to do next.

HeadraceError
├── ProjectError      no study here, or pyproject.toml, dvc.yaml or params.yaml is not as it must be
├── ParameterError    a parameter is unknown, missing, of a wrong type or out of range
├── NotebookError     a source notebook cannot be read, or lacks its parameters cell
├── StageError        a cell failed while the stage ran
├── DataError         a table is missing, broken, or violates its contract
└── MetricError       a metric is not a finite number
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any


class HeadraceError(Exception):
    """A user's mistake, or a fault that a user can fix; shown without a traceback."""


class ProjectError(HeadraceError):
    """No study here, or one of its files is not as it must be."""


class ParameterError(HeadraceError):
    """A parameter is unknown, missing, of a wrong type or out of range.

    `places` maps lines of the message to the key of params.yaml that they are about.
    """

    def __init__(self, message: str, places: Mapping[str, tuple[Any, ...]] | None = None) -> None:
        super().__init__(message)
        self.places = dict(places or {})


class NotebookError(HeadraceError):
    """A source notebook cannot be read, or lacks its parameters cell."""


class StageError(HeadraceError):
    """A cell failed while the stage ran."""


class DataError(HeadraceError):
    """A table is missing, broken, or violates its contract."""


class MetricError(HeadraceError):
    """A metric is not a finite number."""


def unreadable(name: object, error: Exception) -> str:
    """Return the beginning of a message about a file that cannot be read: which one, and why."""
    if isinstance(error, FileNotFoundError):
        return f"{name} is missing"
    return f"{name} cannot be read: {reason(error)}"


def reason(error: Exception) -> str:
    """Return in one line, without the file's name, why a file cannot be read or written."""
    message = getattr(error, "strerror", None)
    return str(message or (str(error).splitlines() or [type(error).__name__])[0])


def nearest(name: str, names: Iterable[str]) -> str:
    """Return " Did you mean X?" for the nearest of the names, or nothing."""
    near = nearest_name(name, names)
    return f" Did you mean {near}?" if near else ""


def nearest_name(name: str, names: Iterable[str]) -> str:
    """Return the nearest of the names, or nothing where none is near."""
    return next(iter(get_close_matches(name, list(names), n=1, cutoff=0.5)), "")


def join_names(items: Iterable[str], most: int) -> str:
    """Return the first items and the number of the others: "a, b and 3 more"."""
    names = list(items)
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
