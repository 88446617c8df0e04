"""The folder alerts/: one JSON file per incident, in git, checked when it is read."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from headrace.core import atomic
from headrace.errors import DataError, reason
from headrace.gates.live import Level, RuleState
from headrace.incidents.incident import Decision, Incident, RuleResult

FOLDER = "alerts"
FORMAT = 1
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
"""An incident's id: safe in a path, a command and a comment."""
TEXTS = ("rule", "figure", "limit", "window", "do", "opened", "closed", "close_reason")
DECISION_TEXTS = tuple(field.name for field in fields(Decision))
KEYS = {"close_reason": "why", "notified": "told", "choice": "what"}
"""Fields that have other names in the files of alerts/, which studies keep."""


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
    except (OSError, DataError) as error:
        name = f"{FOLDER}/{path.name}"
        raise DataError(
            f"{name} cannot be read: {reason(error)}. Next: fix it, or git checkout HEAD -- {name}"
        ) from None


def write(root: Path, incident: Incident) -> None:
    """Write an incident's file atomically; a file with the same content is not touched."""
    path = root / file_name(incident)
    text = json.dumps(as_json(incident), indent=2, ensure_ascii=False) + "\n"
    # An untouched file keeps its time, and no editor or build reloads it.
    if not path.is_file() or path.read_bytes() != text.encode("utf-8"):
        atomic.write_text(path, text)


def as_json(incident: Incident) -> dict[str, Any]:
    """Return the content of an incident's file."""
    content = asdict(incident, dict_factory=_with_keys)
    del content["id"]
    status = "open" if incident.is_open else "closed"
    return {"headrace_incident": FORMAT, "status": status, **content}


def _with_keys(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {KEYS.get(name, name): value for name, value in pairs}


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
    try:
        return _from_json(stem, content)
    except KeyError as error:
        raise DataError(f"it lacks {error.args[0]}") from None
    # A person may edit the file, so a list may stand where a mapping is expected.
    except (TypeError, ValueError, AttributeError):
        raise DataError("it holds values of the wrong type") from None


def _from_json(name: str, content: Any) -> Incident:
    if content["headrace_incident"] != FORMAT:
        raise DataError(f"it is of format {content['headrace_incident']!r}, not {FORMAT}")
    return Incident(
        id=name,
        **{name: _text(content[KEYS.get(name, name)]) for name in TEXTS},
        level=Level(content["level"]),
        batches={
            str(batch): RuleResult(RuleState(result["state"]), float(result["value"]))
            for batch, result in sorted(content["batches"].items())
        },
        notified={
            str(key): {str(receiver): value is True for receiver, value in receivers.items()}
            for key, receivers in content["told"].items()
        },
        decisions=[
            Decision(**{name: _text(decision[KEYS.get(name, name)]) for name in DECISION_TEXTS})
            for decision in content["decisions"]
        ],
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
