"""A page on which a person fills in one row and sees the prediction: from the schema, no script."""

import html
import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

from headrace.serve.rows import Refused
from headrace.serve.service import Champion

POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"


def blank(champion: Champion) -> str:
    """Return the page with the example filled in."""
    return _page(champion, champion.bundle.example, "")


def answered(champion: Champion, body: bytes) -> str:
    """Return the page with what was filled in, and the answer or what is wrong with it."""
    given = {name: values[-1] for name, values in _parsed(body).items()}
    row = {name: _value(said, given.get(name, "")) for name, said in _properties(champion)}
    try:
        (answer,) = champion.answer(champion.reader.read(json.dumps(row).encode()))
    except Refused as error:
        return _page(champion, row, _mistakes(error))
    return _page(champion, row, _told(champion, answer))


def _parsed(body: bytes) -> dict[str, list[str]]:
    try:
        return parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        return {}


def _properties(champion: Champion) -> list[tuple[str, dict[str, Any]]]:
    return [*champion.schema["properties"].items()]


def _kinds(said: Mapping[str, Any]) -> list[str]:
    return [said["type"]] if isinstance(said["type"], str) else list(said["type"])


def _value(said: Mapping[str, Any], text: str) -> Any:
    """Return what a field's text means; what means nothing stays text, and is refused as that."""
    kinds = _kinds(said)
    if text == "" and "null" in kinds:
        return None
    try:
        if "integer" in kinds:
            return int(text)
        if "number" in kinds:
            return float(text)
    except (ValueError, OverflowError):
        return text
    return text == "true" if "boolean" in kinds else text


def _told(champion: Champion, answer: Mapping[str, Any]) -> str:
    share = f"{answer['prediction']:.1%}"
    name = champion.bundle.facts.get("positive")
    if champion.threshold is None:
        return f'<section class="answer"><h2>{share}</h2></section>'
    word = str(name or "yes") if answer["positive"] else f"not {name or 'yes'}"
    least = f"from {champion.threshold:.1%} on, the answer is {html.escape(str(name or 'yes'))}"
    kind = "yes" if answer["positive"] else "no"
    return (
        f'<section class="answer {kind}" role="status"><h2>{html.escape(word)}: {share}</h2>'
        f"<p>The probability that it is; {least}.</p></section>"
    )


def _mistakes(error: Refused) -> str:
    lines = "".join(
        f"<li><b>{html.escape(one['field'])}</b> {html.escape(one['says'])}</li>"
        for one in error.mistakes
    )
    inside = f"<h2>Not answered</h2><ul>{lines}</ul>"
    return f'<section class="answer wrong" role="alert">{inside}</section>'


def _page(champion: Champion, row: Mapping[str, Any], top: str) -> str:
    style = (files("headrace.serve") / "page.css").read_text("utf-8")
    fields = "".join(_field(name, said, row.get(name)) for name, said in _properties(champion))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(champion.label)}</title><style>{style}</style></head>\n<body><main>"
        f"<h1>{html.escape(champion.label)}</h1>{top}"
        f'<form method="post" action="/"><div class="fields">{fields}</div>'
        "<button>Predict</button></form></main></body></html>\n"
    )


def _field(name: str, said: Mapping[str, Any], value: Any) -> str:
    unit = (
        f' <span class="unit">{html.escape(str(said["x-unit"]))}</span>' if "x-unit" in said else ""
    )
    meaning = html.escape(str(said.get("description", "")))
    optional = " May be left empty." if "null" in _kinds(said) else ""
    key = html.escape(name, quote=True)
    return (
        f'<p><label for="{key}">{html.escape(name.replace("_", " "))}{unit}</label>'
        f"{_control(key, said, value)}<small>{meaning}.{optional}</small></p>"
    )


def _control(key: str, said: Mapping[str, Any], value: Any) -> str:
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    choices = said.get("enum") or (["true", "false"] if "boolean" in _kinds(said) else None)
    if choices:
        options = "".join(_option(choice, text) for choice in choices)
        return f'<select id="{key}" name="{key}">{options}</select>'
    more = "".join(
        f' {name}="{html.escape(str(bound), quote=True)}"' for name, bound in _bounds(said)
    )
    shown = html.escape(text, quote=True)
    return f'<input id="{key}" name="{key}" value="{shown}"{more}>'


def _option(choice: Any, text: str) -> str:
    shown = "" if choice is None else html.escape(str(choice), quote=True)
    chosen = " selected" if str(choice or "") == text else ""
    return f'<option value="{shown}"{chosen}>{shown}</option>'


def _bounds(said: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    kinds = _kinds(said)
    if {"integer", "number"} & {*kinds}:
        yield "type", "number"
        yield "step", 1 if "integer" in kinds else "any"
    names = {"minimum": "min", "maximum": "max", "minLength": "minlength", "maxLength": "maxlength"}
    yield from ((ours, said[theirs]) for theirs, ours in names.items() if theirs in said)
    if "null" not in kinds:
        yield "required", "required"
