"""The batch that a challenger is compared on, and what it learns: rows that neither has seen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.core import parameters
from headrace.core.project import Project
from headrace.errors import DataError
from headrace.ingest import batch, manifest
from headrace.retrain.champion import ChampionBundle

WINDOW, SEEN = "window", "seen"
"""The settings that name the study's own functions: the parameters of a challenger for a batch,
and the batches that a model with these parameters has seen."""
MIN_LABELLED = 0.5
"""Share of a batch's rows whose label must be known."""
Values = dict[str, Any]


@dataclass(frozen=True)
class Split:
    """A batch, the challenger's parameters by their dotted names, and notes."""

    batch: str
    values: Values
    notes: tuple[str, ...] = ()


def choose_split(project: Project, champion: ChampionBundle, name: str) -> Split:
    """Return the batch of this name, or the newest with enough labels, and the parameters for it.

    Errors:
        DataError: there is no such batch, the champion has seen it, or there is nothing to learn.
    """
    block = parameters.load(project)[0].get("retrain")
    window: Callable[..., Values] = project.load(WINDOW)
    settings = block if isinstance(block, dict) else {}
    if name:
        batch.read(project.root, name)
        split = Split(name, window(name, settings))
    else:
        split = _newest(project.root, lambda name: window(name, settings))
    current = {dotted: champion.parameter(dotted) for dotted in split.values}
    seen_batches: Callable[[Mapping[str, Any]], Sequence[str]] = project.load(SEEN)
    require_unseen(
        split.batch, champion.label, {*seen_batches(current)}, {*seen_batches(split.values)}
    )
    return split


def _newest(root: Path, window: Callable[[str], Values]) -> Split:
    """Return the newest batch with enough labels that the study has a window for."""
    label, notes = batch.prediction_spec(root).label, list[str]()
    for name in sorted(manifest.listed_batches(root), reverse=True):
        table = batch.read(root, name)
        if label not in table or table[label].notna().mean() < MIN_LABELLED:
            continue
        try:
            return Split(name, window(name), tuple(notes))
        except DataError as error:
            notes.append(f"{name} is skipped: {error}")
    raise DataError(
        "\n".join(notes)
        or "No batch has labels for half of its rows."
        " Next: headrace ingest FILE, and headrace ingest FILE --truth BATCH"
    )


def require_unseen(name: str, label: str, old: set[str], new: set[str]) -> None:
    """Refuse a batch that a model has seen, and a challenger that knows nothing newer.

    `old` and `new` are the batches that champion and challenger have seen.

    Errors:
        DataError: one of both has seen the batch, or the challenger would learn nothing new.
    """
    last = max(old, default="")
    if name in old:
        raise DataError(
            f"The champion, {label}, has learned {name}, or took its threshold from it, so no model"
            f" can be compared on it. Next: --batch NAME, with one that came after {last}"
        )
    if name in new:
        raise DataError(
            f"A challenger for {name} would learn {name} itself. Next: fix the function that"
            f" {WINDOW} in [tool.headrace] names"
        )
    if new == old:
        raise DataError(
            f"The champion, {label}, has learned all that came before {name} already: there is"
            " nothing to train. Next: wait for the next batch, or name a later one with --batch"
        )
    if new < old or max(new, default="") < last:
        raise DataError(
            f"A challenger for {name} would have seen {_span(new)}, and the champion, {label}, has"
            f" seen {_span(old)}: its window would shrink. Next: --batch NAME, with a later one; or"
            " see retrain in params.yaml"
        )


def _span(batches: set[str]) -> str:
    return f"{min(batches)} to {max(batches)}" if batches else "no batch"
