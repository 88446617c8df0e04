"""An incident as its file holds it: JSON, checked when it is read."""

from dataclasses import fields
from typing import Any

from headrace.errors import DataError
from headrace.gates.live import Level, State
from headrace.incidents.firing_runs import Seen
from headrace.incidents.incident import Decision, Incident

FORMAT = 1


def as_json(one: Incident) -> dict[str, Any]:
    """Return an incident as its file holds it."""
    plain = {entry.name: getattr(one, entry.name) for entry in fields(one) if entry.name != "id"}
    batches = {name: {"state": s.state, "value": s.value} for name, s in one.batches.items()}
    decisions = [vars(each) for each in one.decisions]
    status = "open" if one.is_open else "closed"
    more = {"batches": batches, "decisions": decisions}
    return {"headrace_incident": FORMAT, "status": status, **plain, **more}


def from_json(name: str, said: Any) -> Incident:
    """Return the incident that a file holds; `name` is the file's name without its ending.

    Errors:
        DataError: it is not as `as_json` writes it.
    """
    try:
        return _from_json(name, said)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        kind = "lacks" if isinstance(error, KeyError) else "holds"
        what = error.args[0] if isinstance(error, KeyError) else "what an incident does not"
        raise DataError(f"it {kind} {what}") from None


def _from_json(name: str, said: Any) -> Incident:
    if said["headrace_incident"] != FORMAT:
        raise DataError(f"it is of format {said['headrace_incident']!r}, not {FORMAT}")
    texts = ("rule", "figure", "limit", "window", "do", "opened", "closed", "why")
    told = {
        str(key): {str(who): who_heard is True for who, who_heard in heard.items()}
        for key, heard in said["told"].items()
    }
    return Incident(
        id=name,
        **{key: _text(said[key]) for key in texts},
        level=Level(said["level"]),
        batches={
            str(batch): Seen(State(one["state"]), float(one["value"]))
            for batch, one in sorted(said["batches"].items())
        },
        told=told,
        decisions=[_decision(one) for one in said["decisions"]],
    )


def _decision(said: Any) -> Decision:
    return Decision(**{entry.name: _text(said[entry.name]) for entry in fields(Decision)})


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
