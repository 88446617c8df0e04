"""What new figures make of the incidents; it is written down before anyone is told."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from headrace.errors import DataError
from headrace.gates.live import Figures, Level, Rule, evaluate
from headrace.incidents import firing_runs, store
from headrace.incidents.firing_runs import Run, Seen
from headrace.incidents.incident import (
    BELONGS,
    JUDGED_AGAIN,
    Incident,
    Transition,
    Word,
    digest,
    slug,
)

BATCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


def update(root: Path, figures: Figures, rules: Sequence[Rule]) -> list[Transition]:
    """Bring alerts/ up to date, and return what somebody has yet to be told.

    What an incident showed is remembered: of a batch that is gone, or of which the figure is not
    known any more, the last word stands. A batch that is judged again counts by its new value.

    Errors:
        DataError: a batch's name is none, or a file of alerts/ cannot be read; nothing is written.
    """
    _refuse_odd(figures)
    known = store.read(root)
    for rule in rules:
        mine = [one for one in known.values() if one.rule == rule.name]
        for made in _judged(rule, mine, figures, known):
            known[made.id] = made
    _close_ruleless(known, rules)
    for one in known.values():
        _note_gone(one, figures)
        store.write(root, one)
    return [one for incident in known.values() for one in _untold(incident)]


def _refuse_odd(figures: Figures) -> None:
    for batch, values in figures.items():
        if not isinstance(values, Mapping):
            raise DataError(
                f"metrics/monitor.json: {batch} holds no figures by name. Next: dvc repro monitor"
            )
        if not BATCH.fullmatch(batch):
            raise DataError(
                f"metrics/monitor.json: {batch!r} is no name of a batch."
                " Next: name it such as 2013-10, of letters, digits, dot, dash and _"
            )


def _judged(
    rule: Rule, mine: Sequence[Incident], figures: Figures, known: Mapping[str, Incident]
) -> Iterator[Incident]:
    """Yield a rule's incidents as they are now, new ones among them."""
    left = sorted(mine, key=lambda one: (not one.is_withdrawn, one.opened))
    seen = {batch: one for old in left for batch, one in old.batches.items()}
    for verdict in evaluate([rule], figures):
        if verdict.value is not None:
            seen[verdict.batch] = Seen(verdict.state, verdict.value)
    left.sort(key=lambda one: one.opened)
    made = [*firing_runs.of(seen)]
    owners = _owners(made, left)
    for run, owner in zip(made, owners, strict=True):
        one = owner or _new(rule, run, known)
        _renew(one, rule, run)
        yield one
    for one in left:
        if one not in owners:
            _withdraw(one, seen)


def _owners(made: Sequence[Run], incidents: Sequence[Incident]) -> list[Incident | None]:
    """Return the incident of each run: that began with it, else one that shares a batch with it."""
    left, owners = [*incidents], dict[int, Incident]()
    for born in (True, False):
        for at, run in enumerate(made):
            fits = (one for one in left if {*run.firing} & _batches(one, born=born))
            if at not in owners and (found := next(fits, None)):
                owners[at] = found
                left.remove(found)
    return [owners.get(at) for at in range(len(made))]


def _batches(one: Incident, *, born: bool) -> set[str]:
    return {one.first} if born else {one.opened, *one.firing}


def _new(rule: Rule, run: Run, known: Mapping[str, Incident]) -> Incident:
    name, first = slug(rule.name), run.firing[0]
    found = f"{name}-{first}"
    if found in known:  # of another rule, whose name ends where a batch's begins
        found = f"{name}-{digest(rule.name)}-{first}"
    made = Incident(found, "", "", "", "", rule.level, "")
    made.note(Word.OPENED, first)
    return made


def _renew(one: Incident, rule: Rule, run: Run) -> None:
    """Take over what is known now, and note what changed by it."""
    raised = one.level is Level.NOTICE and rule.level is Level.ACT
    was_closed = not one.is_open
    one.take(rule)
    one.batches, one.opened, one.closed = run.batches, run.firing[0], run.closed or ""
    one.why = f"quiet again in {run.closed}" if run.closed else ""
    if was_closed and one.is_open:
        one.note(Word.REOPENED, run.firing[-1])
    elif raised and one.is_open:
        one.note(Word.RAISED, run.firing[-1])
    for batch in run.firing:
        if not any(one.has(word, batch) for word in (Word.OPENED, Word.RAISED, Word.REOPENED)):
            one.note(Word.STILL, batch)
    if run.closed:
        one.note(Word.CLOSED, run.closed)


def _withdraw(one: Incident, seen: Mapping[str, Seen]) -> None:
    """Close an incident whose batches, judged again, do not fire, or belong to another one."""
    if one.is_withdrawn:
        return
    one.batches = {batch: seen[batch] for batch in one.firing}
    one.why = BELONGS if one.firing else JUDGED_AGAIN
    one.closed = one.opened
    one.note(Word.CLOSED, one.opened)


def _close_ruleless(known: Mapping[str, Incident], rules: Sequence[Rule]) -> None:
    names = {rule.name for rule in rules}
    for one in known.values():
        if one.is_open and one.rule not in names:
            one.closed = (one.firing or [one.opened])[-1]
            one.why = "its rule is not in gates.yaml any more"
            one.note(Word.CLOSED, one.closed)


def _note_gone(one: Incident, figures: Figures) -> None:
    for batch in one.firing if one.is_open else ():
        if batch not in figures:
            one.note(Word.KEPT, batch)


def _untold(one: Incident) -> Iterator[Transition]:
    """Walk the transitions of which somebody has not heard yet, in the order they were noted."""
    for key, heard in one.told.items():
        word = next((word for word in Word if key.startswith(f"{word} ")), None)
        if word is not None and not (heard and all(heard.values())):
            yield Transition(one, word, key.removeprefix(f"{word} "))
