"""Gates: whether a change keeps what gates.yaml says, in sentences."""

from collections.abc import Iterator, Mapping, Sequence

from headrace.compare.metrics import Number, Pair
from headrace.compare.model import GateResult, Word
from headrace.core.suggest import nearest
from headrace.errors import ProjectError
from headrace.gates.model import NAME, Gate, Gates, GroupGate, matches
from headrace.report.text import number
from headrace.stats.recipe import Interval


def refuse_unknown(gates: Gates, pairs: Sequence[Pair]) -> Iterator[str]:
    """Yield a note for each metrics file that neither state has made yet.

    Errors:
        ProjectError: a gate is about a metric that neither state has; the nearest name is shown.
    """
    known = {pair.file: pair for pair in pairs}
    silent = {}
    for gate in gates.metrics:
        pair = known.get(gate.file)
        if pair is None:
            near = nearest(gate.file, known)
            raise ProjectError(
                f"{NAME}:{gates.line(gate)}: {gate.file} is no metrics file of dvc.yaml.{near}"
                " Next: name one that a stage lists under metrics"
            )
        broken = _unreadable(pair, gate.pattern)
        if not pair.names and not broken:
            silent[gate.file] = f"The gates of {gate.file} say nothing: neither state has it"
        elif not broken and not any(matches(name, gate.pattern) for name in pair.names):
            near = nearest(gate.pattern, pair.names)
            raise ProjectError(
                f"{NAME}:{gates.line(gate)}: {gate.file} has no metric {gate.pattern}.{near}"
                " Next: mend the name, or take the gate away"
            )
    yield from silent.values()


def _unreadable(pair: Pair, pattern: str) -> bool:
    """Tell whether what a gate asks for is there, and is no number."""
    return any(matches(name, pattern) for name in pair.new.others)


def word(
    old: Number | None, new: Number | None, interval: Interval | None, higher: bool | None
) -> Word:
    """Return what a change is called."""
    if old is None or new is None:
        return Word.NEW if old is None else Word.GONE
    if interval is not None and interval.low <= 0 <= interval.high:
        return Word.NOISE
    if higher is None:
        return Word.CHANGED
    return Word.BETTER if (new > old) == higher else Word.WORSE


def check(
    gates: Sequence[Gate],
    pairs: Sequence[Pair],
    intervals: Mapping[tuple[str, str], Interval],
) -> Iterator[GateResult]:
    """Yield each gate's result, metric by metric."""
    for pair in pairs:
        mine = [gate for gate in gates if gate.file == pair.file and _asks(gate)]
        for name in [*pair.names, *(o for o in pair.new.others if o not in pair.names)]:
            interval = intervals.get((pair.file, name))
            for gate in mine:
                if matches(name, gate.pattern):
                    yield _result(gate, pair, name, interval)
        for gate in mine:
            if gate.must_exist and not pair.names and not _unreadable(pair, gate.pattern):
                says = f"{gate.pattern} of {gate.file} must exist, and neither state has it"
                yield GateResult(f"{gate.file} {gate.pattern}", False, says)


def _asks(gate: Gate) -> bool:
    """Tell whether a gate asks for anything but a word."""
    bounds = (gate.tolerance, gate.at_least, gate.at_most)
    return gate.must_exist or gate.significant or any(bound is not None for bound in bounds)


def _result(gate: Gate, pair: Pair, name: str, interval: Interval | None) -> GateResult:
    old, new = pair.old.numbers.get(name), pair.new.numbers.get(name)
    label = f"{pair.file} {name}"
    if new is None:
        return _missing(gate, pair, name, label, old)
    broken = [*_worse(gate, old, new, interval), *_out_of_bounds(gate, new)]
    was = f", it was {number(old)}" if old is not None and old != new else ""
    says = f"{name} is {number(new)}{was}"
    return GateResult(label, not broken, f"{says}: {'; '.join(broken)}" if broken else says)


def _missing(gate: Gate, pair: Pair, name: str, label: str, old: Number | None) -> GateResult:
    if name in pair.new.others:
        return GateResult(label, False, f"{name} is no number any more, so nothing can be kept")
    if gate.must_exist:
        return GateResult(label, False, f"{name} must exist; it is gone, it was {number(old)}")
    return GateResult(label, True, f"{name} is gone, and need not exist")


def _worse(gate: Gate, old: Number | None, new: Number, interval: Interval | None) -> Iterator[str]:
    """Say that a metric got worse by more than it may."""
    if old is None or not (gate.tolerance or gate.significant):
        return
    loss = old - new if gate.better == "higher" else new - old
    allowed = gate.tolerance.absolute(float(old)) if gate.tolerance else 0.0
    chance = interval is not None and interval.low <= 0 <= interval.high
    if loss <= allowed or (gate.significant and chance):
        return
    unsure = " (no interval says whether it is chance)" if interval is None else ""
    more = f" more than the {gate.tolerance} it may" if gate.tolerance else " and is not chance"
    yield f"{number(loss)} worse,{more}{unsure if gate.significant else ''}"


def _out_of_bounds(gate: Gate, new: Number) -> Iterator[str]:
    if gate.at_least is not None and new < gate.at_least:
        yield f"it must be at least {gate.at_least:.10g}"
    if gate.at_most is not None and new > gate.at_most:
        yield f"it must be at most {gate.at_most:.10g}"


def not_judged(group: GroupGate, why: str) -> GateResult:
    """Return a gate on groups as broken: what cannot be judged must not pass for kept."""
    label = f"{group.column} {group.recipe.score}"
    return GateResult(label, False, f"{label.replace('_', ' ')} cannot be judged: {why}")


def check_group(
    group: GroupGate, whole: float, found: Sequence[tuple[str, float, int]]
) -> GateResult:
    """Return whether no group's rate is above what the gate allows; names those that are."""
    rate = group.recipe.score.replace("_", " ")
    bound = group.at_most * whole if group.is_multiple else group.at_most
    over = [one for one in found if one[1] > bound]
    said = (
        f"{group.at_most:g} times the whole's {number(whole)}"
        if group.is_multiple
        else number(bound)
    )
    label = f"{group.column} {group.recipe.score}"
    if over:
        named = ", ".join(f"{name} {number(value)} of {rows:,}" for name, value, rows in over)
        return GateResult(label, False, f"{rate} of {group.column} above {said}: {named}")
    says = f"{rate} of no {group.column} is above {said} ({len(found)} with {group.min_rows} rows)"
    return GateResult(label, True, says)
