"""The folder alerts/: one JSON file per incident, in git, checked when it is read."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from headrace.core import atomic
from headrace.errors import DataError
from headrace.gates.live import Level, State
from headrace.incidents.incident import Decision, Incident, Seen

FOLDER = "alerts"
FORMAT = 1
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
"""An incident's id: safe in a path, a command and a comment."""
TEXTS = ("rule", "figure", "limit", "window", "do", "opened", "closed", "why")


def file_name(incident: Incident | str) -> str:
    """Return the path of an incident's file, relative to the study."""
    name = incident if isinstance(incident, str) else incident.id
    return f"{FOLDER}/{name}.json"


def read(root: Path) -> dict[str, Incident]:
    """Return the study's incidents by their ids.

    Errors:
        DataError: a file cannot be read. It may hold a decision, so it is never overwritten.
    """
    paths = sorted((root / FOLDER).glob("*.json"))
    return {path.stem: _read(path) for path in paths if path.is_file()}


def _read(path: Path) -> Incident:
    try:
        return parse(path.stem, path.read_bytes())
    except OSError as error:
        problem = str(error.strerror)
    except DataError as error:
        problem = str(error)
    name = f"{FOLDER}/{path.name}"
    raise DataError(
        f"{name} cannot be read: {problem}. Next: fix it, or git checkout HEAD -- {name}"
    )


def write(root: Path, incident: Incident) -> None:
    """Write an incident's file atomically; a file with the same content is not touched."""
    path = root / file_name(incident)
    text = json.dumps(as_json(incident), indent=2, ensure_ascii=False) + "\n"
    if not path.is_file() or path.read_bytes() != text.encode("utf-8"):
        atomic.write_text(path, text)


def as_json(incident: Incident) -> dict[str, Any]:
    """Return the content of an incident's file."""
    content = {each.name: getattr(incident, each.name) for each in fields(incident)}
    del content["id"]
    batches = {
        name: {"state": seen.state, "value": seen.value} for name, seen in incident.batches.items()
    }
    decisions = [vars(decision) for decision in incident.decisions]
    status = "open" if incident.is_open else "closed"
    content |= {"batches": batches, "decisions": decisions}
    return {"headrace_incident": FORMAT, "status": status, **content}


def parse(stem: str, text: bytes) -> Incident:
    """Return the incident in a file's text; `stem` is the file's name without its suffix.

    Errors:
        DataError: it does not hold what `as_json` writes.
    """
    if not ID.fullmatch(stem):
        raise DataError("its name is not an incident's: letters, digits, dot, dash and _")
    try:
        content = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"it is not JSON ({error})") from None
    return from_json(stem, content)


def from_json(name: str, content: Any) -> Incident:
    """Return the incident of a file's content.

    Errors:
        DataError: it is not what `as_json` returns.
    """
    try:
        return _from_json(name, content)
    except KeyError as error:
        raise DataError(f"it lacks {error.args[0]}") from None
    except (TypeError, ValueError, AttributeError):
        raise DataError("it holds values of the wrong type") from None


def _from_json(name: str, content: Any) -> Incident:
    if content["headrace_incident"] != FORMAT:
        raise DataError(f"it is of format {content['headrace_incident']!r}, not {FORMAT}")
    told = {
        str(key): {str(receiver): value is True for receiver, value in heard.items()}
        for key, heard in content["told"].items()
    }
    return Incident(
        id=name,
        **{key: _text(content[key]) for key in TEXTS},
        level=Level(content["level"]),
        batches={
            str(batch): Seen(State(seen["state"]), float(seen["value"]))
            for batch, seen in sorted(content["batches"].items())
        },
        told=told,
        decisions=[
            Decision(**{each.name: _text(decision[each.name]) for each in fields(Decision)})
            for decision in content["decisions"]
        ],
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
