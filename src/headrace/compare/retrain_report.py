"""Champion and challenger as `headrace retrain` compared them: on the same rows.

A retrained model is judged on a newer month than the one before it, and figures of different months
say nothing of the models. So where a state holds a proposal about just these two bundles, its
figures stand in for both.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from headrace.compare.metrics import Content, Pair
from headrace.core.states import State
from headrace.errors import ProjectError
from headrace.stats.recipe import Interval

FOLDER, FORMAT = "reports", 1
FILES = f"{FOLDER}/retrain-*.json"


@dataclass(frozen=True)
class Proposed:
    """What a proposal says: the metrics of both on the same rows, and what to say of it."""

    pairs: tuple[Pair, ...]
    intervals: dict[tuple[str, str], Interval] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def applied(pairs: Sequence[Pair], old: State, new: State) -> Proposed:
    """Return the metrics of two states, those on the same rows where a proposal has them.

    Errors:
        ProjectError: a proposal cannot be read.
    """
    if old.commit == new.commit:
        return Proposed(tuple(pairs))
    before, after = _made(old), _made(new)
    for file in sorted(name for name in new.files if fnmatchcase(name, FILES)):
        found = _read(new, file)
        if found["champion"] in before and found["challenger"] in after - before:
            return _stands_in(pairs, found, file)
    return Proposed(tuple(pairs))


def _made(state: State) -> set[str]:
    """Return the hashes of all that a state made; of a broken dvc.lock others complain."""
    try:
        return {out.md5 for record in state.lock.values() for out in record.outs}
    except ProjectError:
        return set()


def _read(state: State, file: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(state.read(file) or b"")
        known = found["format"] == FORMAT
        told = [(one["file"], one["name"], one["old"], one["new"]) for one in found["metrics"]]
        whole = known and all(isinstance(one, int | float) for said in told for one in said[2:])
        if whole and {"batch", "rows", "champion", "challenger"} <= found.keys():
            return found
    except (ValueError, KeyError, TypeError):
        pass
    raise ProjectError(
        f"{file} of {state.name} is no proposal. Next: headrace retrain, or delete it"
    )


def _stands_in(pairs: Sequence[Pair], found: dict[str, Any], file: str) -> Proposed:
    told = found["metrics"]
    notes = (
        f"Both models on batch {found['batch']}, {found['rows']:,} rows that neither has seen:"
        f" {', '.join(one['name'] for one in told)} ({file})",
    )
    spans = {
        (one["file"], one["name"]): Interval(
            one["low"], one["high"], found["rows"], one["resamples"]
        )
        for one in told
        if "low" in one
    }
    return Proposed(tuple(_with(pair, told) for pair in pairs), spans, notes)


def _with(pair: Pair, told: Iterable[dict[str, Any]]) -> Pair:
    mine = [one for one in told if one["file"] == pair.file]
    old = {**pair.old.numbers, **{one["name"]: one["old"] for one in mine}}
    new = {**pair.new.numbers, **{one["name"]: one["new"] for one in mine}}
    return replace(pair, old=_content(pair.old, old), new=_content(pair.new, new))


def _content(before: Content, numbers: dict[str, Any]) -> Content:
    return replace(before, numbers=numbers)
