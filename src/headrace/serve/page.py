"""A page on which a person fills in one row and sees the prediction: a form from the schema."""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

from headrace.bundle.model_service import Champion
from headrace.report import pages
from headrace.schema.validation_errors import Refused

CARD = "card.html"
HEADING = re.compile(r"<h1>(?:Model card:\s*)?(.+?)</h1>\s*<p>(.+?)</p>", re.DOTALL)
"""What the card says the model is for: it asks the question that the form answers."""
LIMITS = {"minimum": "min", "maximum": "max", "minLength": "minlength", "maxLength": "maxlength"}
"""The attributes of an input by the keywords of JSON Schema."""


def render_form(champion: Champion) -> str:
    """Return the page with the example filled in."""
    return _render(champion, champion.bundle.example)


def parse_row(champion: Champion, body: bytes) -> dict[str, Any]:
    """Return the row that a form holds; what has no meaning stays text, and is refused as that."""
    form = {name: values[-1] for name, values in _parse_form(body).items()}
    return {
        name: _parse_value(column, form.get(name, ""))
        for name, column in _properties(champion).items()
    }


def render_answer(champion: Champion, row: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Return the page with what was filled in, and the answer."""
    return _render(champion, row, answer=_describe_answer(champion, answer))


def render_refusal(champion: Champion, row: Mapping[str, Any], error: Refused) -> str:
    """Return the page with what was filled in, and what is wrong with it."""
    return _render(champion, row, errors=error.errors)


def _parse_form(body: bytes) -> dict[str, list[str]]:
    try:
        return parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        return {}


def _properties(champion: Champion) -> dict[str, dict[str, Any]]:
    properties: dict[str, dict[str, Any]] = champion.schema["properties"]
    return properties


def _parse_value(column: Mapping[str, Any], text: str) -> Any:
    """Return what a field's text means, by the schema of its column."""
    types = _types(column)
    if text == "" and "null" in types:
        return None
    try:
        if "integer" in types:
            return int(text)
        if "number" in types:
            return float(text)
    except (ValueError, OverflowError):
        return text
    return text == "true" if "boolean" in types else text


def _types(column: Mapping[str, Any]) -> list[str]:
    return [column["type"]] if isinstance(column["type"], str) else list(column["type"])


def _render(
    champion: Champion,
    row: Mapping[str, Any],
    *,
    answer: Mapping[str, str] | None = None,
    errors: Any = (),
) -> str:
    title, about = _heading(champion)
    columns = _properties(champion).items()
    return pages.render(
        "serve.html.j2",
        title=title,
        css="serve.css",
        policy="; form-action 'self'",
        about=about,
        answer=answer,
        errors=errors,
        fields=[_field(name, column, row.get(name)) for name, column in columns],
    )


def _heading(champion: Champion) -> tuple[str, str]:
    """Return what is asked of the model, and what it is; its name where no card says it."""
    match = HEADING.search(champion.bundle.files.get(CARD, b"").decode("utf-8"))
    if match is None:
        return champion.label, ""
    title, about = (html.unescape(re.sub(r"<[^>]*>", "", part)) for part in match.groups())
    return title[:1].upper() + title[1:], f"{about} Answers come from {champion.label}."


def _describe_answer(champion: Champion, answer: Mapping[str, Any]) -> dict[str, str]:
    share = f"{answer['prediction']:.1%}"
    if champion.threshold is None:
        return {"kind": "", "sentence": share, "note": ""}
    name = str(champion.bundle.facts.get("positive") or "yes")
    kind, word = ("yes", name) if answer["positive"] else ("no", f"not {name}")
    bound = f"from {champion.threshold:.1%} on, the answer is {name}"
    note = f"The probability that it is; {bound}."
    return {"kind": kind, "sentence": f"{word}: {share}", "note": note}


def _field(name: str, column: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """Return what the form shows of a column: its name, unit, meaning, limits and value."""
    types = _types(column)
    meaning = str(column.get("description", ""))
    optional = " May be left empty." if "null" in types else ""
    choices = column.get("enum") or (["true", "false"] if "boolean" in types else [])
    return {
        "name": name,
        "label": name.replace("_", " "),
        "unit": str(column.get("x-unit", "")),
        "hint": f"{meaning[:1].upper()}{meaning[1:]}.{optional}",
        "choices": [_text(choice) for choice in choices],
        "value": _text(value),
        "bounds": dict(_bounds(column)),
    }


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _bounds(column: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    types = _types(column)
    if {"integer", "number"} & {*types}:
        yield "type", "number"
        yield "step", 1 if "integer" in types else "any"
    yield from ((name, column[key]) for key, name in LIMITS.items() if key in column)
    if "null" not in types:
        yield "required", "required"
