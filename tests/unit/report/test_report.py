"""How results are shown: numbers, text, tables and pages, whatever they hold."""

import re

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from headrace.compare import page
from headrace.report import drawing, markdown, pages
from headrace.report.terminal import shorten, table, terminal_width, width, wrap
from headrace.report.text import counted, money, number, plain, signed

HOSTILE = "\x1b[31m\u202egnp.exe\ud800 <b>&\n|`@x"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0, "0"),
        (0.0, "0.0000"),
        (1234567, "1,234,567"),
        (0.71894, "0.7189"),
        (-12.5, "-12.5000"),
        (12240.84, "12,240.8"),
        (0.0000123, "1.23e-05"),
        (1e300, "1e+300"),
        (float("inf"), "inf"),
    ],
)
def test_a_number_has_the_digits_that_people_read(value: float | None, text: str) -> None:
    assert number(value) == text
    assert pages.number(value) == (text.replace("-", "\u2212") if value is not None else "\u2013")


def test_a_change_has_its_sign_and_zero_has_none() -> None:
    assert [signed(0.5), signed(-3), signed(0.0), signed(None)] == ["+0.5000", "-3", "0.0000", ""]


def test_a_change_has_the_decimals_of_the_value_beside_it() -> None:
    assert [signed(-95.6189, 14_768.8), signed(907.1, 12_634.2)] == ["-95.6", "+907.1"]
    assert signed(0.0123, 14_768.8) == "+0.0123"  # +0.0 would say nothing
    assert [signed(-0.009, 0.1261), signed(12, 14_768.8), signed(12.5, 40.0)] == [
        "-0.0090",
        "+12",
        "+12.5000",
    ]
    assert pages.signed(-95.6189, 14_768.8) == "\u221295.6"


def test_an_amount_of_money_has_two_digits_and_no_exponent() -> None:
    amounts = [money(value) for value in (7.8e-05, 0.0, 0.012, 1234.5, 9.99e-05, 1e-300)]
    assert amounts == ["0.000078", "0.00", "0.01", "1,234.50", "0.000100", "0.000000000"]
    assert page.amount("dollars", 7.8e-05) == "$0.000078"


def test_a_count_is_in_the_plural_where_it_is_one() -> None:
    assert [counted(1, "row"), counted(0, "row"), counted(2000, "row")] == [
        "1 row",
        "0 rows",
        "2,000 rows",
    ]


def test_text_cannot_steer_a_terminal() -> None:
    assert plain(HOSTILE) == "\\x1b[31m\\u202egnp.exe\\ud800 <b>& |`@x"
    assert all(line.isprintable() for line in [*table(("a", "b"), [(HOSTILE, HOSTILE)])])
    assert all(line.isprintable() for line in wrap(HOSTILE * 20))


def test_a_table_is_aligned_and_no_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("n" * 200, "1,000", "7", "worse"), ("日本", "2", "12", "[b]ok[/b] :smile:")]
    for columns in (150, 60):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = table(("name", "old", "new", ""), rows, words=1)
        assert terminal_width() == columns
        assert max(map(width, lines)) <= columns
        assert "…" in lines[1]
        assert lines[2].endswith("[b]ok[/b] :smile:")
        ends = [width(line[: line.index(text) + len(text)]) for line, text in zip(
            lines, ("old", "1,000", "2"), strict=True)]  # fmt: skip
        assert len(set(ends)) == 1


def test_names_that_would_look_alike_are_shown_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    names = [f"model.gaps.{group}.false_negative_rate" for group in ("carrier", "origin")]
    rows = [(name, "0.3365", "0.2554", "-0.0811", "-0.1 to +0.2") for name in names]
    text = "\n".join(table(("", "old", "new", "change", "interval"), [*rows, ("auc", *"1234")]))
    assert all(f"\n{name}\n" in text for name in names)
    assert "\nauc  " in text
    assert max(map(width, text.splitlines())) <= 60


def test_a_verdict_stands_on_the_line_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"model.gaps.{group}.false_negative_rate" for group in ("carrier", "origin")]
    rows = [(name, "worse", "0.3365", "0.2554", "-0.0811", "-0.1 to +0.2") for name in names]
    for columns in (50, 60):
        monkeypatch.setenv("COLUMNS", str(columns))
        text = "\n".join(table(("f", "", "old", "new", "change", ""), rows, first_words=2))
        lines = text.splitlines()
        assert [line for line in lines if "rate" in line] == [f"{name}  worse" for name in names]
        assert text.count("worse") == 2
        assert max(map(width, lines)) <= columns


def test_a_name_is_shortened_in_its_middle() -> None:
    assert shorten("model.gaps.origin.false_positive_rate", 20) == "model.gap…itive_rate"
    assert width(shorten("日本語" * 20, 15)) <= 15


def test_text_in_markdown_is_no_markup() -> None:
    text = markdown.table(("a", markdown.code(HOSTILE)), [(markdown.escape(HOSTILE), "1")], words=0)
    head, rule, row = text.split("\n")
    assert rule == "| --- | ---: |"
    assert row.count("|") == head.count("|") == 3
    assert "<b>" not in text
    assert "`" not in text
    assert "@x" not in text


def test_a_value_on_a_page_is_escaped_wherever_it_stands() -> None:
    markups = (
        pages.escape(HOSTILE),
        pages.name(HOSTILE),
        pages.code(HOSTILE),
        pages.as_json(HOSTILE),
    )
    for markup in markups:
        assert isinstance(markup, Markup)
        assert "<b>" not in markup
        assert "&lt;b&gt;&amp;" in markup
        assert not re.search("[\x1b\u202e\ud800]", markup)
    assert pages.escape("\u202e") == "[U+202E]"


def test_a_page_allows_its_own_style_alone_and_refuses_what_is_not_defined() -> None:
    page = pages.render("card.html.j2", title="<i>", css="card.css", body="<b>")
    assert "<title>&lt;i&gt;</title>" in page
    assert "&lt;b&gt;" in page
    assert re.search("default-src &#39;none&#39;; style-src &#39;sha256-[^ ]+&#39;;", page)
    with pytest.raises(UndefinedError):
        pages.render("card.html.j2", title="x")


@pytest.mark.parametrize(
    "picture", ["https://leak.invalid/x.png", "x\" onerror='1", "data:text/html;base64,AAAA", ""]
)
def test_a_picture_from_elsewhere_has_no_address_on_a_page(picture: str) -> None:
    assert drawing.image_uri(picture) == ""
    assert drawing.image_uri("<svg/>").startswith("data:image/svg+xml;base64,")
