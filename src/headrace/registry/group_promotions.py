"""Promotions that say the same but for their stage, told as one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from headrace.registry.timeline import Entry

Placed = tuple[int, Entry]


def grouped(entries: Iterable[Entry]) -> list[Placed]:
    """Return entries with their places, oldest first; a join has the place of its newest.

    Joined are promotions of one version that follow each other, by one person, on the same
    evidence, in the place of the same version; one that is broken or marked stands alone.
    """
    groups = groupby(enumerate(entries), key=_likeness)
    return [one for _, group in groups for one in _merged([*group])]


def _likeness(placed: Placed) -> tuple[object, ...]:
    place, one = placed
    if one.word != "promoted" or one.failures or one.marked:
        return (place,)
    return (one.version, one.who, one.facts, _rest(one))


def _rest(one: Entry) -> str:
    """Return what is told behind the stage."""
    return one.what.removeprefix(f"{one.version} to {one.stage}")


def _merged(group: Sequence[Placed]) -> Iterator[Placed]:
    (_, first), (place, last) = group[0], group[-1]
    if first is last:
        yield place, last
        return
    entries = [one for _, one in group]
    *most, stage = [one.stage for one in entries]
    what = f"{last.version} to {', '.join(most)} and {stage}{_rest(last)}"
    began = () if first.moment == last.moment else (("from", first.moment),)
    links = tuple(link for one in entries for link in one.results)
    tags = ", ".join(one.tag for one in entries)
    yield place, replace(last, what=what, tag=tags, facts=(*last.facts, *began), results=links)
