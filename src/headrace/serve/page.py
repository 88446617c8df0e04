"""A page on which a person fills in one row and sees the prediction: a form from the schema."""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from headrace.bundle.model_service import Champion
from headrace.report import pages
from headrace.report.text import number
from headrace.schema.json_schema import value_types
from headrace.schema.validation_errors import Refused

CARD = "card.html"
HEADING = re.compile(r"<h1>(?:Model card:\s*)?(.+?)</h1>\s*<p>(.+?)</p>", re.DOTALL)
"""What the card says the model is for: it asks the question that the form answers."""
UNITS = {
    "s": "seconds",
    "min": "minutes",
    "h": "hours",
    "in": "inches",
    "ft": "feet",
    "mi": "miles",
    "mph": "miles per hour",
    "mbar": "millibars",
}
"""Units in words, where a person may not know the symbol."""
NUMBER_LIMITS = {
    "minimum": "of at least {:,}",
    "maximum": "of at most {:,}",
    "exclusiveMinimum": "above {:,}",
    "exclusiveMaximum": "below {:,}",
}
TEXT_LIMITS = {
    "minLength": "of at least {:,} characters",
    "maxLength": "of at most {:,} characters",
    "pattern": "that matches {}",
}
UNKNOWN = "The model has not learned from this value: its prediction may be far off."
LIMITS = {"minimum": "min", "maximum": "max", "minLength": "minlength", "maxLength": "maxlength"}
"""The attributes of an input by the keywords of JSON Schema."""


def render_form(champion: Champion) -> str:
    """Return the page with the example filled in."""
    return _render(champion, champion.bundle.example, is_example=True)


def parse_row(champion: Champion, body: bytes) -> dict[str, Any]:
    """Return the row that a form holds; what has no meaning stays text, and is refused as that."""
    # Of a name that is sent twice the last one counts.
    form = {name: values[-1] for name, values in _parse_form(body).items()}
    columns = champion.schema["properties"]
    return {name: _parse_value(rules, form.get(name, "")) for name, rules in columns.items()}


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


def _parse_value(column: Mapping[str, Any], text: str) -> Any:
    """Return what a field's text means, by the schema of its column."""
    types = value_types(column)
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


def _render(
    champion: Champion,
    row: Mapping[str, Any],
    *,
    answer: Mapping[str, str] | None = None,
    errors: Sequence[Mapping[str, str]] = (),
    is_example: bool = False,
) -> str:
    title, about = _heading(champion)
    columns = champion.schema["properties"]
    invalid = {error["field"] for error in errors}
    fields = [
        _field(name, column, row.get(name), champion.categories.get(name), name in invalid)
        for name, column in columns.items()
    ]
    return pages.render(
        "serve.html.j2",
        title=title,
        css="serve.css",
        policy="; form-action 'self'",  # which default-src does not cover
        about=about,
        answer=answer,
        errors=[error for error in errors if error["field"] not in columns],
        fields=fields,
        is_refused=bool(errors),
        is_example=is_example,
    )


def _heading(champion: Champion) -> tuple[str, str]:
    """Return what is asked of the model, and what it is; its name where no card says it."""
    match = HEADING.search(champion.bundle.files.get(CARD, b"").decode("utf-8"))
    if match is None:
        return champion.label, ""
    title, about = (html.unescape(re.sub(r"<[^>]*>", "", part)) for part in match.groups())
    return _capitalized(title), f"{about} Answers come from {champion.label}."


def _describe_answer(champion: Champion, answer: Mapping[str, Any]) -> dict[str, str]:
    """Return an answer in words: what it is, its probability, and the threshold."""
    prediction, threshold = answer["prediction"], champion.threshold
    if threshold is None:
        unit = str(champion.bundle.facts.get("unit") or "")
        return {"kind": "", "sentence": f"{number(prediction)} {unit}".strip(), "note": ""}
    name = str(champion.bundle.facts.get("positive") or "yes")
    # Near the threshold one digit would show the same number twice, and yet say that they differ.
    digits = 1 if f"{prediction:.1%}" != f"{threshold:.1%}" else 4
    share, bound = f"{prediction:.{digits}%}", f"{threshold:.{digits}%}"
    if answer["positive"]:
        sentence = f"{_capitalized(name)}: the probability is {share}"
        note = f"It reaches the threshold of {bound}, from which on the answer is {name}."
        return {"kind": "yes", "sentence": sentence, "note": note}
    sentence = f"Not {name}: the probability of {name} is {share}"
    note = f"It is below the threshold of {bound}, from which on the answer is {name}."
    return {"kind": "no", "sentence": sentence, "note": note}


def _field(
    name: str,
    column: Mapping[str, Any],
    value: Any,
    categories: frozenset[str] | None,
    is_invalid: bool,
) -> dict[str, Any]:
    """Return what the form shows of a column: its meaning, unit, limits, value and error."""
    requirement = _requirement(column)
    unit = str(column.get("x-unit", ""))
    choices = column.get("enum") or (["true", "false"] if "boolean" in value_types(column) else [])
    is_unknown = bool(categories) and isinstance(value, str) and value not in (categories or ())
    return {
        "name": name,
        "label": _capitalized(str(column.get("description") or name.replace("_", " "))),
        "unit": UNITS.get(unit, unit),
        "hint": f"{_capitalized(requirement)}." if requirement else "",
        "error": f"Enter {requirement or 'another value'}." if is_invalid else "",
        "warning": UNKNOWN if is_unknown and not is_invalid else "",
        "choices": [_text(choice) for choice in choices],
        "suggestions": [] if choices else sorted(categories or ()),
        "value": _text(value),
        "bounds": dict(_bounds(column)),
    }


def _requirement(column: Mapping[str, Any]) -> str:
    """Return what a field must hold, as a phrase: "a whole number from 0 to 6"."""
    types = value_types(column)
    if column.get("enum"):
        phrase = f"one of {', '.join(_text(choice) for choice in column['enum'] if choice)}"
    elif "integer" in types:
        phrase = f"a whole number{_limits(column, NUMBER_LIMITS)}"
    elif "number" in types:
        phrase = f"a number{_limits(column, NUMBER_LIMITS)}"
    elif "string" in types:
        phrase = f"a text{_limits(column, TEXT_LIMITS)}"
    else:
        return ""
    return f"{phrase}, or nothing" if "null" in types else phrase


def _limits(column: Mapping[str, Any], words: Mapping[str, str]) -> str:
    """Return the limits of a number or a text in words, which follow a noun."""
    low, high = (column.get(keyword) for keyword in [*words][:2])
    if low is not None and high is not None:
        span = f" of exactly {low:,}" if low == high else f" from {low:,} to {high:,}"
        return span + (" characters" if words is TEXT_LIMITS else "")
    limits = [text.format(column[keyword]) for keyword, text in words.items() if keyword in column]
    return f" {' and '.join(limits)}" if limits else ""


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _bounds(column: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    types = value_types(column)
    if {"integer", "number"} & {*types}:
        yield "type", "number"
        yield "step", 1 if "integer" in types else "any"
    yield from ((name, column[key]) for key, name in LIMITS.items() if key in column)
    if "null" not in types:
        yield "required", "required"
