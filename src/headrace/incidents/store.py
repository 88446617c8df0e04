"""The folder alerts/: one file per incident, in git."""

import json
import re
from pathlib import Path

from headrace.core import atomic
from headrace.errors import DataError
from headrace.incidents import serialize
from headrace.incidents.incident import Incident

FOLDER = "alerts"
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
"""An incident's id: safe in a path, a command and a comment."""


def name(one: Incident | str) -> str:
    """Return the path of an incident's file, from the study on."""
    return f"{FOLDER}/{one if isinstance(one, str) else one.id}.json"


def read(root: Path) -> dict[str, Incident]:
    """Return the study's incidents by their ids.

    Errors:
        DataError: a file cannot be read. It may hold a decision, so nothing is written over it.
    """
    found = sorted((root / FOLDER).glob("*.json"))
    return {path.stem: _read(path) for path in found if path.is_file()}


def _read(path: Path) -> Incident:
    try:
        return parse(path.stem, path.read_bytes())
    except OSError as error:
        problem = str(error.strerror)
    except DataError as error:
        problem = str(error)
    at = f"{FOLDER}/{path.name}"
    raise DataError(f"{at} cannot be used: {problem}. Next: mend it, or git checkout HEAD -- {at}")


def parse(stem: str, text: bytes) -> Incident:
    """Return the incident that a file's text holds.

    Errors:
        DataError: it holds none.
    """
    if not ID.fullmatch(stem):
        raise DataError("its name is none of an incident's: letters, digits, dot, dash and _")
    try:
        said = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"it is no JSON ({error})") from None
    return serialize.from_json(stem, said)


def write(root: Path, one: Incident) -> None:
    """Write an incident's file, whole or not at all; a file that says the same stays as it is."""
    path = root / name(one)
    text = json.dumps(serialize.as_json(one), indent=2, ensure_ascii=False) + "\n"
    if not path.is_file() or path.read_bytes() != text.encode("utf-8"):
        atomic.write_text(path, text)
