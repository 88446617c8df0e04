"""Which metrics are meant: by a name, a file and a name, a group, or a pattern with `*`."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import NoReturn

from headrace.errors import ProjectError
from headrace.history.series import Metric

MOST = 6
"""How many are shown where nobody names any."""
LISTED = 8


def choose(
    words: Iterable[str], newest: Sequence[Metric], known: Sequence[Metric], *, commits: int
) -> list[Metric]:
    """Return the metrics that the words name, each once.

    `newest` are those of the newest commit, which are meant first; `known` those of any of so many
    commits.

    Errors:
        ProjectError: there is no such metric (the nearest names are shown), or several.
    """
    found = [_named(word, newest, known) or _refuse(word, known, commits) for word in words]
    return [*dict.fromkeys(metric for metrics in found for metric in metrics)]


def _named(word: str, newest: Sequence[Metric], known: Sequence[Metric]) -> list[Metric]:
    exact = [metric for metric in newest if word in (metric.name, str(metric))]
    exact = exact or [metric for metric in known if word in (metric.name, str(metric))]
    if len(exact) > 1:
        raise ProjectError(
            f"{word} is the name of {len(exact)} metrics: {_listed(map(str, exact))}."
            f" Next: headrace history '{exact[0]}'"
        )
    return exact or [metric for metric in known if _covers(word, metric)]


def _refuse(word: str, known: Sequence[Metric], commits: int) -> NoReturn:
    names = {str(metric) if ":" in word else metric.name for metric in known}
    near = get_close_matches(word, sorted(names), n=3, cutoff=0.5)
    mean = f" Did you mean {' or '.join(near)}?" if near else ""
    where = f"None of {commits} commits" if commits > 1 else "The one commit looked at"
    has = "has" if commits > 1 else "does not have"
    raise ProjectError(f"{where} {has} a metric {word}.{mean} Next: headrace history '*'")


def _covers(word: str, metric: Metric) -> bool:
    """Tell whether a pattern fits a metric, or a group or file holds it."""
    if "*" not in word:
        return metric.name.startswith(f"{word}.") or metric.file == word
    pattern = word.replace("[", "[[]").replace("?", "[?]")
    return fnmatchcase(metric.name, pattern) or fnmatchcase(str(metric), pattern)


def _listed(names: Iterable[str]) -> str:
    every = [*names]
    more = f" and {len(every) - LISTED} more" if len(every) > LISTED else ""
    return ", ".join(every[:LISTED]) + more


def labels(metrics: Sequence[Metric]) -> list[str]:
    """Return what each metric is called in a table: its name, with its file where it must be."""
    names = [metric.name for metric in metrics]
    return [metric.name if names.count(metric.name) == 1 else str(metric) for metric in metrics]
