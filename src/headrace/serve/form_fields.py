"""The fields of a form, from an input schema, and what is meant by what was typed into them."""

import html
from collections.abc import Iterator, Mapping
from typing import Any


def value(said: Mapping[str, Any], text: str) -> Any:
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


def field(name: str, said: Mapping[str, Any], value: Any) -> str:
    """Return the field of one input, as HTML, with its unit, its meaning and its limits."""
    unit = (
        f' <span class="unit">{html.escape(str(said["x-unit"]))}</span>' if "x-unit" in said else ""
    )
    told = str(said.get("description", ""))
    meaning = html.escape(told[:1].upper() + told[1:])
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


def _kinds(said: Mapping[str, Any]) -> list[str]:
    return [said["type"]] if isinstance(said["type"], str) else list(said["type"])
