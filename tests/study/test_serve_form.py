"""The server's page: a person fills in one row, and reads the prediction."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import browser
import pytest
from servers import Server, read_log_tables, read_metrics, serve

from headrace.bundle import golden


@pytest.fixture(scope="module")
def server(quick: Path) -> Iterator[Server]:
    """A server on the quick study's bundle."""
    with serve(quick) as server:
        yield server


def test_a_prediction_on_the_page_is_counted_and_logged_as_any_other(
    copy: Path, bundle_files: dict[str, bytes]
) -> None:
    row = json.loads(bundle_files["golden.json"])[0]
    expected = row.pop(golden.PREDICTION)
    form = {name: "" if value is None else value for name, value in row.items()}
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    with serve(copy, log=True) as server:
        assert f"{expected:.1%}" in server.request("/", urlencode(form).encode(), **kind)[1]
        assert "Not answered" in server.request("/", b"weekday=9", **kind)[1]
        metrics = read_metrics(server)
    assert metrics[("headrace_rows_total",)] == 1
    assert metrics[("headrace_refused_total", "less_than_equal")] == 1
    logged = read_log_tables(copy / "data/served")
    assert logged["prediction"].tolist() == [expected]
    assert logged["carrier"].tolist() == [row["carrier"]]


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (800, True), (400, False)])
def test_a_person_gets_a_prediction_from_the_page(
    server: Server, tmp_path: Path, width: int, dark: bool, bundle_files: dict[str, bytes]
) -> None:
    if browser.FOUND is None:
        pytest.skip("no Chromium here")
    with browser.opened(tmp_path) as person:
        person.show(f"http://127.0.0.1:{server.port}/", width, dark=dark)
        assert person.ask("document.querySelector('h1').textContent") == "Will this flight be late?"
        labels = person.ask("[...document.querySelectorAll('label')].map(l => l.htmlFor)")
        assert labels == [*json.loads(bundle_files["schema.json"])["properties"]]
        person.ask("document.querySelector('#plane_age').value = ''")
        person.ask("document.querySelector('#origin').value = 'JFK'")
        person.press("button")
        assert re.fullmatch(
            r"(Late: the probability is|Not late: the probability of late is) \d+\.\d%",
            person.ask("document.querySelector('h2').textContent"),
        )
        assert person.ask("document.querySelector('#origin').value") == "JFK"
        assert person.ask("document.querySelector('#plane_age').value") == ""
        assert person.ask("document.documentElement.scrollWidth") <= width
        person.ask("document.querySelector('form').noValidate = true")
        person.ask("document.querySelector('#weekday').value = '9'")
        person.press("button")
        content = person.ask("document.querySelector('[role=alert]').textContent")
        assert "Day of the week, from 0 for Monday: Enter a whole number from 0 to 6." in content
        assert person.ask("document.querySelector('[aria-invalid]').id") == "weekday"
        assert person.said == []


def test_a_malformed_form_is_refused_in_words(server: Server) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (
        b"",
        b"carrier=%3Cscript%3E",
        b"\xff\xfe",
        b"weekday=" + b"9" * 5000,
        b"a&" * 2000,
    ):
        status, content = server.request("/", body, **kind)
        assert status == 200
        assert "Not answered" in content
        assert "<script" not in content
