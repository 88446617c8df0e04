"""Words for messages."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, names: Iterable[str]) -> str:
    """Return " Did you mean X?" for the nearest of the names, or nothing."""
    found = get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f" Did you mean {found[0]}?" if found else ""
