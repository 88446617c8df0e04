"""Evaluate gates.yaml on a change: each gate is kept or broken, with a sentence that says why."""

from collections.abc import Iterator, Mapping, Sequence

from headrace.compare.metrics import MetricName, MetricsPair, Number
from headrace.compare.model import GateResult, MetricChange, Word
from headrace.errors import ProjectError, nearest
from headrace.gates.model import (
    NAME,
    Gate,
    Gates,
    GroupGate,
    higher_is_better,
    matches,
    matching,
)
from headrace.report.text import number
from headrace.stats import Interval


def refuse_unknown(gates: Gates, pairs: Sequence[MetricsPair]) -> Iterator[str]:
    """Yield a note for each metrics file that has gates and that neither state has made yet.

    Errors:
        ProjectError: a gate is about a metric that neither state has; the nearest name is shown.
    """
    files = {pair.file: pair for pair in pairs}
    notes = {}
    for gate in gates.metrics:
        pair = files.get(gate.file)
        if pair is None:
            near = nearest(gate.file, files)
            raise ProjectError(
                f"{NAME}:{gates.line(gate)}: {gate.file} is no metrics file of dvc.yaml.{near}"
                " Next: name one that a stage lists under metrics"
            )
        if _is_not_a_number(pair, gate.pattern):  # the gate itself breaks on that
            continue
        if not pair.names:
            notes[gate.file] = f"The gates of {gate.file} do not apply: neither state has it"
        elif not any(matches(name, gate.pattern) for name in pair.names):
            near = nearest(gate.pattern, pair.names)
            raise ProjectError(
                f"{NAME}:{gates.line(gate)}: {gate.file} has no metric {gate.pattern}.{near}"
                " Next: fix the name, or remove the gate"
            )
    yield from notes.values()


def _is_not_a_number(pair: MetricsPair, pattern: str) -> bool:
    """Tell whether the new state has a value that matches a gate, and is not a number."""
    return any(matches(name, pattern) for name in pair.new.non_numbers)


def metric_change(
    file: str,
    name: str,
    old: Number | None,
    new: Number | None,
    interval: Interval | None,
    gates: Sequence[Gate],
) -> MetricChange:
    """Return a metric's change, and whether it is better, worse or noise by its gates."""
    higher = higher_is_better(matching(gates, file, name))
    return MetricChange(file, name, old, new, _word(old, new, interval, higher), interval, higher)


def _word(
    old: Number | None, new: Number | None, interval: Interval | None, higher: bool | None
) -> Word:
    if old is None or new is None:
        return Word.NEW if old is None else Word.GONE
    if _holds_zero(interval):
        return Word.NOISE
    # Over the rows that both states have, a metric may move the other way than over all rows.
    if higher is None or interval is None or (interval.low > 0) != (new > old):
        return Word.CHANGED
    return Word.BETTER if (new > old) == higher else Word.WORSE


def _holds_zero(interval: Interval | None) -> bool:
    return interval is not None and interval.low <= 0 <= interval.high


def evaluate_gates(
    gates: Sequence[Gate], pairs: Sequence[MetricsPair], intervals: Mapping[MetricName, Interval]
) -> Iterator[GateResult]:
    """Yield each gate's result, metric by metric."""
    for pair in pairs:
        bounds = [gate for gate in gates if gate.file == pair.file and gate.can_break]
        for name in dict.fromkeys([*pair.names, *pair.new.non_numbers]):
            for gate in bounds:
                if matches(name, gate.pattern):
                    yield _gate_result(gate, pair, name, intervals.get((pair.file, name)))
        for gate in bounds:
            if gate.must_exist and not pair.names and not _is_not_a_number(pair, gate.pattern):
                message = f"{gate.pattern} of {gate.file} must exist, and neither state has it"
                yield GateResult(f"{gate.file} {gate.pattern}", False, message)


def _gate_result(gate: Gate, pair: MetricsPair, name: str, interval: Interval | None) -> GateResult:
    label = f"{pair.file} {name}"
    old, new = pair.old.numbers.get(name), pair.new.numbers.get(name)
    if new is None:
        if name in pair.new.non_numbers:
            return GateResult(label, False, f"{name} is no longer a number")
        if gate.must_exist:
            return GateResult(label, False, f"{name} must exist; it is gone, it was {number(old)}")
        return GateResult(label, True, f"{name} is gone, and need not exist")
    violations = [*_worsening(gate, old, new, interval), *_out_of_bounds(gate, new)]
    was = f", it was {number(old)}" if old is not None and old != new else ""
    message = f"{name} is {number(new)}{was}"
    if violations:
        return GateResult(label, False, f"{message}: {'; '.join(violations)}")
    return GateResult(label, True, message)


def _worsening(
    gate: Gate, old: Number | None, new: Number, interval: Interval | None
) -> Iterator[str]:
    """Say that a metric got worse by more than it may."""
    if old is None or not (gate.tolerance or gate.significant):
        return
    loss = old - new if gate.better == "higher" else new - old
    allowed = gate.tolerance.absolute(float(old)) if gate.tolerance else 0.0
    if loss <= allowed or (gate.significant and _holds_zero(interval)):
        return
    limit = f" more than the {gate.tolerance} it may" if gate.tolerance else " and is not chance"
    is_unsure = gate.significant and interval is None
    unsure = " (no interval says whether it is chance)" if is_unsure else ""
    yield f"{number(loss)} worse,{limit}{unsure}"


def _out_of_bounds(gate: Gate, new: Number) -> Iterator[str]:
    if gate.at_least is not None and new < gate.at_least:
        yield f"it must be at least {gate.at_least:.10g}"
    if gate.at_most is not None and new > gate.at_most:
        yield f"it must be at most {gate.at_most:.10g}"


def unjudged_group_gate(gate: GroupGate, problem: str) -> GateResult:
    """Return a gate on groups as broken: what cannot be judged must not pass for kept."""
    label = f"{gate.column} {gate.recipe.score}"
    return GateResult(label, False, f"{label.replace('_', ' ')} cannot be judged: {problem}")


def evaluate_group_gate(
    gate: GroupGate, overall: float, rates: Sequence[tuple[str, float, int]]
) -> GateResult:
    """Return whether no group's rate is above the bound; groups that are above it are named."""
    label, rate = f"{gate.column} {gate.recipe.score}", gate.recipe.score.replace("_", " ")
    bound = gate.at_most * overall if gate.is_multiple else gate.at_most
    limit = number(bound)
    if gate.is_multiple:
        limit = f"{gate.at_most:g} times the whole's {number(overall)}"
    above = [
        f"{group} {number(value)} of {rows:,}" for group, value, rows in rates if value > bound
    ]
    if above:
        message = f"{rate} of {gate.column} above {limit}: {', '.join(above)}"
        return GateResult(label, False, message)
    message = f"{rate} of no {gate.column} is above {limit}"
    return GateResult(label, True, f"{message} ({len(rates)} with {gate.min_rows} rows)")
