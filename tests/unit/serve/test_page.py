"""The page on which a person fills in one row."""

import html
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest

from headrace.schema.validation_errors import Refused
from headrace.serve import page

SCHEMA = {
    "properties": {
        "carrier": {"type": "string", "minLength": 2, "maxLength": 2, "description": "airline"},
        "weekday": {"type": "integer", "minimum": 0, "maximum": 6},
        "wind_speed": {"type": ["number", "null"], "exclusiveMinimum": 0, "x-unit": "mph"},
        "origin": {"type": "string", "enum": ["JFK", "LGA"]},
        "weekend": {"type": "boolean"},
    }
}
ROW = {"carrier": "AA", "weekday": 3, "wind_speed": None, "origin": "LGA", "weekend": True}


@pytest.fixture
def champion() -> Any:
    """A model that has learned from two airlines, as far as the page asks for one."""
    bundle = SimpleNamespace(example=ROW, facts={"positive": "late"}, files={})
    categories = {"carrier": frozenset(["AA", "UA"])}
    return SimpleNamespace(
        bundle=bundle, schema=SCHEMA, label="m", threshold=0.3, categories=categories
    )


def test_a_form_is_read_as_the_row_that_it_shows(champion: Any) -> None:
    form = {"carrier": "AA", "weekday": "3", "wind_speed": "", "origin": "LGA", "weekend": "true"}
    assert page.parse_row(champion, urlencode(form).encode()) == ROW
    assert page.parse_row(champion, b"weekday=Monday")["weekday"] == "Monday"
    assert page.parse_row(champion, b"\xff")["carrier"] == ""


def test_a_field_has_a_label_its_unit_in_words_and_what_it_must_hold(champion: Any) -> None:
    text = html.unescape(page.render_form(champion))
    for part in (
        "Airline</label>",
        'Wind speed <span class="unit">(miles per hour)</span>',
        "A text of exactly 2 characters.",
        "A whole number from 0 to 6.",
        "A number above 0, or nothing.",
        "One of JFK, LGA.",
    ):
        assert part in text


def test_the_values_of_an_empty_form_are_called_an_example(champion: Any) -> None:
    assert "These values are an example" in page.render_form(champion)
    answer = {"prediction": 0.5, "positive": True}
    assert "These values are an example" not in page.render_answer(champion, ROW, answer)


@pytest.mark.parametrize(
    ("prediction", "sentence", "note"),
    [
        (0.392, "Late: the probability is 39.2%", "It reaches the threshold of 30.0%"),
        (0.12, "Not late: the probability of late is 12.0%", "It is below the threshold of 30.0%"),
        (0.29999, "Not late: the probability of late is 29.9990%", "the threshold of 30.0000%"),
    ],
)
def test_an_answer_is_in_words_with_probability_and_threshold(
    champion: Any, prediction: float, sentence: str, note: str
) -> None:
    answer = {"prediction": prediction, "positive": prediction >= 0.3}
    text = page.render_answer(champion, ROW, answer)
    assert f"<h2>{sentence}</h2>" in text
    assert note in text


def test_an_error_stands_at_its_field_in_words_and_at_the_top(champion: Any) -> None:
    error = {"field": "weekday", "reason": "less_than_equal", "says": "Input should be …"}
    unknown = {"field": "", "reason": "more", "says": "and 1 more error"}
    text = page.render_refusal(champion, {**ROW, "weekday": 9}, Refused([error, unknown]))
    assert text.count('aria-invalid="true"') == 1
    assert '<small class="error" id="note-2">Enter a whole number from 0 to 6.</small>' in text
    assert 'aria-describedby="hint-2 note-2"' in text
    assert '<a href="#weekday">Weekday</a>: Enter a whole number from 0 to 6.' in text
    assert "and 1 more error" in text


def test_a_value_that_the_model_has_not_learned_from_is_pointed_out(champion: Any) -> None:
    answer = {"prediction": 0.5, "positive": True}
    assert page.UNKNOWN not in page.render_answer(champion, ROW, answer)
    text = page.render_answer(champion, {**ROW, "carrier": "ZZ"}, answer)
    assert text.count(page.UNKNOWN) == 2  # at the answer and at the field


def test_what_was_typed_stays_text(champion: Any) -> None:
    refusal = Refused.body("x", "<i>")
    text = page.render_refusal(champion, {**ROW, "carrier": '"><script>'}, refusal)
    assert "<script>" not in text
    assert "<i>" not in text


@pytest.mark.parametrize(("unit", "sentence"), [("EUR", "370,225.0 EUR"), ("", "370,225.0")])
def test_an_answer_that_is_no_probability_is_a_number_with_its_unit(
    champion: Any, unit: str, sentence: str
) -> None:
    champion.threshold, champion.bundle.facts = None, {"unit": unit}
    text = page.render_answer(champion, ROW, {"prediction": 370225.0})
    assert f"<h2>{sentence}</h2>" in text
