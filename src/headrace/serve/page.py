"""A page on which a person fills in one row and sees the prediction: from the schema, no script."""

import html
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

from headrace.bundle.model_service import Champion
from headrace.schema.validation_errors import Refused
from headrace.serve import form_fields

CARD = "card.html"
HEADING = re.compile(r"<h1>(?:Model card:\s*)?(.+?)</h1>\s*<p>(.+?)</p>", re.DOTALL)
"""What the card says the model is for: it asks the question that the form answers."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"


def blank(champion: Champion) -> str:
    """Return the page with the example filled in."""
    return _page(champion, champion.bundle.example, "")


def row(champion: Champion, body: bytes) -> dict[str, Any]:
    """Return the row that a form means; what means nothing stays text."""
    given = {name: values[-1] for name, values in _parsed(body).items()}
    return {
        name: form_fields.value(said, given.get(name, "")) for name, said in _properties(champion)
    }


def answered(champion: Champion, row: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Return the page with what was filled in, and the answer."""
    return _page(champion, row, _told(champion, answer))


def refused(champion: Champion, row: Mapping[str, Any], error: Refused) -> str:
    """Return the page with what was filled in, and what is wrong with it."""
    return _page(champion, row, _mistakes(error))


def _parsed(body: bytes) -> dict[str, list[str]]:
    try:
        return parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        return {}


def _properties(champion: Champion) -> list[tuple[str, dict[str, Any]]]:
    return [*champion.schema["properties"].items()]


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
        for one in error.errors
    )
    inside = f"<h2>Not answered</h2><ul>{lines}</ul>"
    return f'<section class="answer wrong" role="alert">{inside}</section>'


def _page(champion: Champion, row: Mapping[str, Any], top: str) -> str:
    style = (files("headrace.serve") / "page.css").read_text("utf-8")
    title, about = _heading(champion)
    inputs = "".join(
        form_fields.field(name, said, row.get(name)) for name, said in _properties(champion)
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{style}</style></head>\n<body><main>"
        f'<h1>{title}</h1><p class="about">{about}</p>{top}'
        f'<form method="post" action="/"><div class="fields">{inputs}</div>'
        "<button>Predict</button></form></main></body></html>\n"
    )


def _heading(champion: Champion) -> tuple[str, str]:
    """Return, as HTML, what is asked of the model, and what it is; its name where no card says."""
    name = html.escape(champion.label)
    found = HEADING.search(champion.bundle.files.get(CARD, b"").decode("utf-8"))
    if found is None:
        return name, ""
    return found[1][:1].upper() + found[1][1:], f"{found[2]} Answers come from {name}."
