"""On which batch a challenger is judged, and what it learns: rows that neither model has seen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.core import parameters, yaml
from headrace.core.project import Project
from headrace.errors import DataError
from headrace.ingest import batch, manifest
from headrace.retrain.champion import Champion

WINDOW, SEEN = "window", "seen"
"""The doors to the parameters of a challenger, and to the batches that a model has seen by them."""
ENOUGH = 0.5
"""Share of a batch's rows whose truth must be known."""
Values = dict[str, Any]


@dataclass(frozen=True)
class Chosen:
    """A batch, the challenger's parameters by their dotted names, and what there is to say."""

    name: str
    values: Values
    notes: tuple[str, ...] = ()


def choose(found: Project, champion: Champion, asked: str) -> Chosen:
    """Return the batch that was asked for, or the newest with enough truth, with its parameters.

    Errors:
        DataError: there is no such batch, the champion has seen it, or there is nothing to learn.
    """
    block = parameters.load(found)[0].get("retrain")
    window: Callable[..., Values] = found.load(WINDOW)
    settings = block if isinstance(block, dict) else {}
    if asked:
        batch.read(found.root, asked)
        made = Chosen(asked, window(asked, settings))
    else:
        made = _newest(found.root, lambda name: window(name, settings))
    known = {dotted: champion.said(dotted) for dotted in made.values}
    seen: Callable[[Mapping[str, Any]], Sequence[str]] = found.load(SEEN)
    refuse(made.name, champion.label, {*seen(known)}, {*seen(made.values)})
    return made


def _newest(root: Path, window: Callable[[str], Values]) -> Chosen:
    """Return the newest batch of which enough truth is known, and for which there is a window."""
    label, notes = batch.prediction_spec(root).label, list[str]()
    for name in reversed(_listed(root)):
        table = batch.read(root, name)
        if label not in table or table[label].notna().mean() < ENOUGH:
            continue
        try:
            return Chosen(name, window(name), tuple(notes))
        except DataError as error:
            notes.append(f"{name} is passed over: {error}")
    raise DataError(
        "\n".join(notes)
        or "There is no batch of whose rows half the truth is known."
        " Next: headrace ingest FILE, and headrace ingest FILE --truth BATCH"
    )


def _listed(root: Path) -> list[str]:
    """Return the batches that params.yaml lists, in the order of their names."""
    content = yaml.read(root / parameters.FILE)
    found = yaml.lookup(content, f"{manifest.STAGE}.{manifest.PARAMETER}")
    return sorted(map(str, found)) if isinstance(found, list) else []


def refuse(name: str, label: str, old: set[str], new: set[str]) -> None:
    """Refuse a batch that a model has seen, and a challenger that knows nothing newer.

    `old` and `new` are the batches that champion and challenger have seen; they stand in the order
    of their names.

    Errors:
        DataError: always the first of these that holds.
    """
    last = max(old, default="")
    if name in old:
        raise DataError(
            f"The champion, {label}, has learned {name}, or took its threshold from it, so nobody"
            f" can be judged on it. Next: --batch NAME, with one that came after {last}"
        )
    if name in new:
        raise DataError(
            f"A challenger for {name} would learn {name} itself. Next: mend the door {WINDOW} of"
            " [tool.headrace], which says what it learns"
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


def _span(seen: set[str]) -> str:
    return f"{min(seen)} to {max(seen)}" if seen else "no batch"
