"""Suggest the nearest of the known names, for messages."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, names: Iterable[str]) -> str:
    """Return " Did you mean X?" for the nearest of the names, or nothing."""
    near = nearest_name(name, names)
    return f" Did you mean {near}?" if near else ""


def nearest_name(name: str, names: Iterable[str]) -> str:
    """Return the nearest of the names, or nothing where none is near."""
    return next(iter(get_close_matches(name, list(names), n=1, cutoff=0.5)), "")


def listed(items: Iterable[str], most: int) -> str:
    """Return the first items and the number of the others: "a, b and 3 more"."""
    names = list(items)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
