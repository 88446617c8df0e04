"""Promises of the page of `headrace diff`, kept in a real browser."""

import re
from pathlib import Path

import browser
import pytest
from hostile_text import EVIL, EVIL_SVG, LONG
from page_checks import CONTRAST, Tags

from headrace.compare import page
from headrace.compare.model import (
    CellChange,
    CellOutput,
    ColumnChange,
    Commit,
    CostChange,
    FileChange,
    GateResult,
    MetricChange,
    NotebookChange,
    ParameterChange,
    Report,
    Side,
    TableChange,
    Word,
)
from headrace.stats import Interval

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)
WIDTHS = (360, 800, 1400)
SIDES = (
    Side("main", "where this branch left main", "25ceab5" * 5),
    Side("the working tree", "the files as they are", None),
)


def metric(
    name: str, old: float, new: float, word: Word, interval: Interval | None = None
) -> MetricChange:
    return MetricChange("metrics/evaluate.json", name, old, new, word, interval, True)


def a_report(text: str, *, metrics: int = 300) -> Report:
    """Return a report of everything, in which all that people may write is this text."""
    moved = [
        metric("model.roc_auc", 0.72, 0.71, Word.WORSE, Interval(-0.012, -0.008, 27010, 1000)),
        metric("model.recall", 0.6, 0.9, Word.NOISE, Interval(-0.2, 0.8, 27010, 1000)),
        metric("model.brier_score", 0.0, float("inf"), Word.CHANGED),
        MetricChange("metrics/m.json", "fresh", None, 1.0, Word.NEW),
    ]
    moved += [metric(f"{text}.{number}", 1.0, 1.5, Word.CHANGED) for number in range(metrics)]
    numbers = {"missing": 0.01, "mean": 1e300, "p05": None, "median": 2.5, "p95": -3.0}
    words = {"missing": None, "top": [[text, 0.5], ["", 0.25]]}
    columns = (
        ColumnChange(text, "double", "double", numbers, numbers, 0.31),
        ColumnChange("word", "string", "string", words, words, 0.04),
        ColumnChange("when", "int64", "timestamp[us]", numbers, {"missing": 0, "mean": text}),
        ColumnChange("gone", "int64", None, numbers, {}),
    )
    outputs = (
        CellOutput(text),
        CellOutput(text, PIXEL),
        CellOutput(text, EVIL_SVG),
        CellOutput(text, "x\" onerror='1"),
    )
    cells = (
        CellChange(3, text, (f"a = 1\n{text}", f"a = 2\n{text * 9}"), None),
        CellChange(7, "", None, (outputs, (CellOutput("other"), *outputs[1:])), text),
        CellChange(8, text, ("", "new = 1"), ((), (CellOutput("", PIXEL),))),
    )
    return Report(
        Side(text, text, "4df4c8d" * 5),
        Side(text, text, None),
        tuple(moved),
        (GateResult("model.roc_auc", False, text), GateResult(text, True, text)),
        (ParameterChange(text, [text], {"a": text}), ParameterChange("train.rate", None, 0.1)),
        (
            CostChange(text, {"wall_s": 80.0, "dollars": 0.02}, {"wall_s": 8.0, "dollars": 0.01}),
            CostChange("train", None, {"wall_s": 9.0}, same_processor=False),
        ),
        (
            TableChange(text, 1000, 1200, columns, text),
            TableChange("t.csv", None, None, (), f"{text} is not in DVC's cache. Next: dvc fetch"),
        ),
        (NotebookChange(text, cells, text), NotebookChange("runs/b.ipynb", (), "Next: pull")),
        (Commit("9" * 40, text, "2013-01-01T00:00:00Z", text),),
        (FileChange(text, "M", (text, "train")), FileChange("b", "A", ())),
        (text,),
    )


def write_page(report: Report, folder: Path) -> Path:
    """Write the page of a report into a folder."""
    path = folder / "diff.html"
    path.write_text(page.render(report), "utf-8")
    return path


def test_hostile_text_never_becomes_markup() -> None:
    calm, evil = (Tags(page.render(a_report(text))) for text in ("calm", EVIL))
    assert evil.tags <= calm.tags | {"wbr"}
    assert {name for name, _ in evil.attributes} <= {name for name, _ in calm.attributes}
    assert not evil.tags & {"script", "a", "iframe", "object", "form", "base", "link"}
    assert not [name for name, _ in evil.attributes if name.startswith("on")]


def test_nothing_on_the_page_leads_elsewhere() -> None:
    tags = Tags(page.render(a_report(EVIL)))
    addresses = [value for name, value in tags.attributes if name in {"src", "href", "action"}]
    assert addresses
    assert all(address.startswith("data:image/") for address in addresses)
    assert "default-src 'none'" in [
        value.split(";")[0] for name, value in tags.attributes if name == "content"
    ]


def test_marks_that_turn_text_around_are_shown_by_name() -> None:
    text = page.render(a_report("pay\u202egnp.exe\u2066\x00\x1b"))
    assert "[U+202E]" in text
    assert "[U+0000]" in text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b]", text)


def test_a_long_name_may_break_at_its_joints() -> None:
    text = page.render(a_report("model.roc_auc", metrics=1))
    assert "<bdi>model.<wbr>roc_<wbr>auc</bdi>" in text
    assert "&lt;wbr" not in text


def test_a_name_that_is_no_utf8_can_be_written(tmp_path: Path) -> None:
    assert write_page(a_report("caf\udce9"), tmp_path).read_text("utf-8").count("[U+DCE9]") > 3


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("text", [EVIL, LONG, "عربي", "model.roc_auc"], ids=list("abcd"))
def test_the_page_never_scrolls_sideways(
    chromium: browser.Browser, tmp_path: Path, width: int, dark: bool, text: str
) -> None:
    chromium.show(write_page(a_report(text), tmp_path), width, dark=dark)
    chromium.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert chromium.ask("innerWidth") == width
    assert chromium.ask("document.documentElement.scrollWidth") <= width


def test_a_browser_runs_nothing_and_asks_nobody(chromium: browser.Browser, tmp_path: Path) -> None:
    chromium.requests.clear()
    path = write_page(a_report(EVIL), tmp_path)
    chromium.show(path, 800)
    chromium.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
    chromium.picture(tmp_path / "seen.png")
    assert [address for address in chromium.requests if not address.startswith("data:")] == [
        path.as_uri()
    ]
    assert chromium.said == []
    assert chromium.ask("document.querySelectorAll('script, a, iframe, [onload]').length") == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_word_stands_out_from_its_ground(
    chromium: browser.Browser, tmp_path: Path, dark: bool
) -> None:
    chromium.show(write_page(a_report("plain"), tmp_path), 800, dark=dark)
    assert chromium.ask(CONTRAST) >= 4.5


def test_the_scheme_follows_the_reader(chromium: browser.Browser, tmp_path: Path) -> None:
    path, ground = write_page(a_report("plain"), tmp_path), "getComputedStyle(document.body)"
    backgrounds = []
    for dark in (False, True):
        chromium.show(path, 800, dark=dark)
        backgrounds.append(chromium.ask(f"{ground}.backgroundColor"))
    assert backgrounds[0] != backgrounds[1]


def test_paper_shows_what_is_folded(chromium: browser.Browser, tmp_path: Path) -> None:
    path = write_page(a_report("plain"), tmp_path)
    hidden = (
        "[...document.querySelectorAll('details > :not(summary)')]"
        ".filter(one => !one.checkVisibility({contentVisibilityAuto: true})"
        " || !one.getBoundingClientRect().height).length"
    )
    chromium.show(path, 800)
    assert chromium.ask(hidden) > 5
    chromium.show(path, 800, media="print", dark=True)
    assert chromium.ask(hidden) == 0
    assert chromium.ask("document.documentElement.scrollWidth") <= 800
    assert chromium.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_only_the_metrics_are_unfolded(chromium: browser.Browser, tmp_path: Path) -> None:
    chromium.show(write_page(a_report("plain"), tmp_path), 800)
    unfolded = "[...document.querySelectorAll('main > details[open]')].map(one => one.id)"
    assert chromium.ask(unfolded) == ["metrics"]


def test_hundreds_of_metrics_do_not_bury_the_rest(
    chromium: browser.Browser, tmp_path: Path
) -> None:
    chromium.show(write_page(a_report("plain"), tmp_path), 800)
    assert chromium.ask("document.getElementById('metrics').offsetHeight") < 2500
    assert "278 more metrics" in chromium.ask("document.body.innerText")


def test_tables_can_be_read_aloud() -> None:
    text = page.render(a_report("plain"))
    assert text.count("<table>") == text.count("<caption>") > 5
    assert not re.search(r"<th(?![^>]*scope=)[ >]", text)
    assert not re.search(r"<img(?![^>]*alt=\"[^\"]+\")", text)
    assert re.findall(r"<h1", text) == ["<h1"]


def test_a_change_without_an_interval_is_marked_as_not_tested() -> None:
    tested = metric("a", 1.0, 2.0, Word.CHANGED, Interval(0.5, 1.5, 100, 1000))
    untested = metric("b", 1.0, 2.0, Word.CHANGED)
    added = MetricChange("metrics/m.json", "c", None, 1.0, Word.NEW)
    for change, is_marked in ((tested, False), (untested, True), (added, False)):
        text = page.render(Report(*SIDES, metrics=(change,)))
        assert ("not tested</span>" in text) is is_marked


def test_the_verdict_names_what_is_broken() -> None:
    gates = (GateResult("auc", False, "auc fell by 0.02"), GateResult("cost", True, "cost is kept"))
    text = Tags(page.render(Report(*SIDES, gates=gates))).text
    verdict = text[text.rindex("Must not be merged: 1 of 2 gates broken") :]
    assert "auc fell by 0.02" in verdict[: verdict.index("Biggest moves")]


@pytest.mark.parametrize(
    ("gates", "says"),
    [
        ((GateResult("auc", True, "kept"),), "May be merged: its one gate is kept"),
        ((GateResult("auc", False, "broken"),), "Must not be merged: its one gate is broken"),
        ((), "For you to judge: no gate says what a change must keep"),
    ],
)
def test_the_verdict_is_one_sentence(gates: tuple[GateResult, ...], says: str) -> None:
    assert f"{says}</h2>" in page.render(Report(*SIDES, gates=gates))


def test_the_biggest_moves_are_the_certain_ones_first() -> None:
    report = a_report("plain", metrics=3)
    names = [metric.name for metric in page.by_size(report.metrics)]
    assert names[0] == "model.roc_auc"
    assert names[-1] == "model.recall"
    assert "fresh" not in names


def test_costs_are_added_up_only_where_both_sides_have_them() -> None:
    text = Tags(page.render(a_report("plain"))).text
    assert "1 min 20 s → 8.0 s" in text
    assert "$0.02 → $0.01" in text
    assert "on another kind of processor" in text


def test_what_could_not_be_told_stands_beside_the_verdict() -> None:
    text = page.render(a_report("plain"))
    notes = text[text.index("What could not be compared") : text.index('<details id="metrics"')]
    assert notes.count("Next:") == 2


def test_nothing_changed_is_a_page_too() -> None:
    text = Tags(page.render(Report(*SIDES))).text
    assert "Nothing changed in: metrics, gates, parameters, costs, data, notebooks, code." in text
    assert "No metric moved." in text


def test_the_same_report_gives_the_same_page() -> None:
    assert page.render(a_report(EVIL)) == page.render(a_report(EVIL))
