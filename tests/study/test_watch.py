"""What the monitor found is shown, judged by the rules, and told; a person sees it on one page."""

import shutil
from pathlib import Path
from typing import Any

import browser
import pandas as pd
import pytest

from headrace.monitor import page, pictures, results
from lab import bake

RULES = """\
live:
  it costs <too> much & more:
    figure: performance.cost_per_1000
    above: 1
    level: act
    do: Retrain
  rows are few:
    figure: quality.volume_ratio
    below: 100
    level: notice
    do: Look
  estimates are odd:
    figure: estimate.roc_auc
    above: 2
    level: act
    do: Nothing
"""


@pytest.fixture(scope="module")
def firing(watched: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The watched study with rules that fire."""
    study = Path(shutil.copytree(watched, tmp_path_factory.mktemp("firing") / "study"))
    gates = study / "gates.yaml"
    text = gates.read_text("utf-8")
    gates.write_text(text[: text.index("\nlive:")] + "\n" + RULES, "utf-8")
    return study


def monitor(study: Path, *words: str) -> tuple[int, str]:
    """Run `headrace monitor`; return its exit code and what it said."""
    process = bake.run(study, "headrace", "monitor", *words, check=False)
    return process.returncode, process.stdout


def test_lights_incidents_and_page_come_of_one_command(firing: Path) -> None:
    code, output = monitor(firing)
    lines = output.splitlines()
    assert code == 0
    assert lines[0].split() == ["batch", "rows", "quality", "performance", "estimate"]
    assert lines[1].split()[0::2] == ["2013-10", "NOTICE", "ok"]
    assert lines[2].split()[3] == "ACT"
    assert "act: it costs <too> much & more: opened (2013-10)." in output
    files = sorted(path.stem for path in (firing / "alerts").glob("*.json"))
    assert [name[:11] for name in files] == ["it-costs-to", "rows-are-fe"]
    assert all(name.endswith("-2013-10") for name in files)
    assert "opened" not in monitor(firing)[1]  # told once
    assert monitor(firing, "--gate")[0] == 1


def test_a_study_without_a_batch_says_how_one_comes_in(quick: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(quick, tmp_path / "study"))
    code, output = monitor(study, "--gate")
    assert (code, output.splitlines()[0]) == (0, "No batch yet. Next: headrace ingest FILE")
    page_text = (study / "runs/html/monitor.html").read_text("utf-8")
    assert "No batch yet" in page_text
    assert [*(study / "alerts").glob("*.json")] == []
    (study / "metrics/monitor.json").unlink()
    code, output = monitor(study)
    assert code == 1
    assert "metrics/monitor.json is missing" in output
    assert "Next: dvc repro monitor" in output


def test_a_batch_that_is_not_judged_yet_is_named(firing: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(firing, tmp_path / "study"))
    params = study / "params.yaml"
    text = params.read_text("utf-8").replace("[2013-10, 2013-11]", "[2013-10, 2013-11, 2013-12]")
    params.write_text(text, "utf-8")
    assert "Not judged yet: 2013-12. Next: dvc repro monitor" in monitor(study)[1]


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (800, True), (400, False)])
def test_the_page_shows_lights_then_pictures_and_fits(
    firing: Path, chromium: browser.Browser, tmp_path: Path, width: int, dark: bool
) -> None:
    path = tmp_path / "page.html"
    path.write_text(page.render(results.read(firing)), "utf-8")
    chromium.show(path.as_uri(), width, dark=dark)
    assert chromium.ask("document.querySelector('h2').textContent") == "2013-11: act"
    lights = chromium.ask(
        "[...document.querySelectorAll('.lights tbody tr')].map(r => r.textContent)"
    )
    assert [row[:7] for row in lights] == ["2013-10", "2013-11"]
    assert all("✗ act" in row and "! notice" in row for row in lights)
    sizes = chromium.ask("[...document.images].map(i => i.naturalWidth > 0 && i.alt.length > 9)")
    assert sizes == [True, True]
    assert chromium.ask("document.documentElement.scrollWidth") <= width
    assert chromium.said == []


def test_what_people_wrote_is_no_markup(firing: Path) -> None:
    html = page.render(results.read(firing))
    assert "<too>" not in html
    assert "&lt;too&gt; much &amp; more" in html


def test_pictures_have_titles_units_and_a_legend(firing: Path) -> None:
    monitored = results.read(firing)
    rows = {name: batch["performance"] for name, batch in monitored.figures.items()}
    true: Any = pd.DataFrame.from_dict(rows, orient="index")
    guessed = pd.DataFrame.from_dict(
        {name: batch["estimate"] for name, batch in monitored.figures.items()}, orient="index"
    )
    promised = {f"cost_per_1000{end}": 1.0 for end in ("", "_low", "_high")} | {"late_share": 0.1}
    money = pictures.money(true, guessed, pd.Series(promised))
    assert [axes.get_ylabel() for axes in money.axes] == ["cost per 1,000 rows", "share of rows"]
    assert all(axes.get_title(loc="left") and axes.get_xlabel() for axes in money.axes)
    assert len(money.legends[0].get_texts()) == 3
    moved = pictures.moved(monitored.tables["drift"])
    assert moved.axes[1].get_ylabel() == "population stability index"
