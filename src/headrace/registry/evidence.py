"""The evidence in a tag's message: a line for people, an empty one, and JSON."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

FORMAT = 1
Evidence = Mapping[str, Any]


def write(subject: str, content: Evidence) -> bytes:
    """Return a tag's message; its JSON is the same for the same content."""
    text = json.dumps({"headrace": FORMAT, **content}, ensure_ascii=False, indent=1, sort_keys=True)
    # gto reads UTF-8: a lone surrogate, of a name that is none, is written as JSON's escape.
    return f"{subject}\n\n{text}\n".encode("utf-8", "backslashreplace")


def read(message: str) -> tuple[Evidence | None, str]:
    """Return the evidence of a message, or None and why there is none."""
    _, _, text = message.partition("\n\n")
    if not text.lstrip().startswith("{"):
        return None, "its message holds no evidence"
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return None, f"its evidence is no JSON that can be read ({error})"
    if not isinstance(found, dict) or found.get("headrace") != FORMAT:
        return None, "its message holds no evidence of this format"
    return found, ""


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that stands there twice: two readers would read two things."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name} stands there twice")
        found[name] = value
    return found


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON's")


def lookup(content: object, *names: str) -> Any:
    """Return what stands under the names, one in the other; None where that is not there."""
    for name in names:
        content = content.get(name) if isinstance(content, dict) else None
    return content
