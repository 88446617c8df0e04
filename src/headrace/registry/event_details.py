"""What is told of an event beside its name: pairs of a head and a text, for every form."""

from collections.abc import Iterator
from typing import Any

from headrace.core.metrics import leaves
from headrace.registry.check_result import Case
from headrace.registry.evidence import lookup
from headrace.registry.tags import Kind
from headrace.report.text import NONE, number

MOST = 4
"""How many parameters or metrics a fact names before it counts the others."""
KEPT = "`dvc artifacts get` still gets it, by its version"


def proof(certificate: object) -> Iterator[tuple[str, str]]:
    """Walk what a certificate tells: of how much, and where."""
    stages = lookup(certificate, "stages")
    listed = stages if isinstance(stages, list) else []
    outputs = [lookup(one, "outputs") for one in listed]
    count = sum(len(one) for one in outputs if isinstance(one, list))
    many = (f"{count} output{'s'[: count != 1]}", f"{len(listed)} stage{'s'[: len(listed) != 1]}")
    known = [lookup(certificate, name) for name in ("python", "processor")]
    yield "proof", ", ".join([" of ".join(many), *(str(one) for one in known if one)])


def told(case: Case, action: str) -> Iterator[tuple[str, str]]:
    """Walk what an event itself tells."""
    if case.event.name.kind is Kind.DEREGISTER:
        yield "take care", KEPT
    if case.event.evidence is None:
        yield "message", case.event.subject or "none"
        return
    for name in ("why", "reason"):
        if said := case.said(name):
            yield ("reason", str(said))
    if said := case.said("override", "reason"):
        yield "override", str(said)
    if action == "promote":
        yield from _comparison(case.said("comparison"))


def _comparison(found: object) -> Iterator[tuple[str, str]]:
    gates, metrics = (lookup(found, name) for name in ("gates", "metrics"))
    listed = gates if isinstance(gates, list) else []
    broken = [str(lookup(one, "says")) for one in listed if lookup(one, "kept") is not True]
    kept = len(listed) - len(broken)
    yield "gates", f"{kept} kept, {len(broken)} broken" if listed else "none to keep"
    for says in broken:
        yield "broken gate", says
    known = metrics if isinstance(metrics, list) else []
    moved = [one for one in known if lookup(one, "word") in ("better", "worse")]
    sure_first = sorted(moved, key=lambda one: lookup(one, "interval") is None)
    if moved:
        yield "metrics", _some([_move(one) for one in sure_first])


def _move(one: object) -> str:
    old, new, low, high = (
        _number(lookup(one, *names))
        for names in (("old",), ("new",), ("interval", "low"), ("interval", "high"))
    )
    ends = f", {low} to {high}" if low != NONE else ""
    return f"{lookup(one, 'name')} {old} → {new} ({lookup(one, 'word')}{ends})"


def _number(value: object) -> str:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return number(value) if known else NONE  # type: ignore[arg-type]  # it is one


def metrics(case: Case) -> str:
    """Return the first numbers of the last metrics file, which is mostly the one that judges.

    Scores come before counts.
    """
    files = [one.numbers for one in case.commit.metrics.values() if one is not None and one.numbers]
    if not files:
        return ""
    listed = sorted(files[-1].items(), key=lambda one: isinstance(one[1], int))
    return _some([f"{name} {_number(value)}" for name, value in listed])


def changed(old: object, new: object) -> str:
    """Say which parameters are others than those of the version before."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return ""
    before, after = (dict[str, Any](leaves(one)) for one in (old, new))
    moved = [
        f"{name} {before.get(name, 'none')} → {after.get(name, 'none')}"
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    ]
    return _some(moved) or "as before"


def _some(items: list[str]) -> str:
    more = f" and {len(items) - MOST} more" if len(items) > MOST else ""
    return ", ".join(items[:MOST]) + more
