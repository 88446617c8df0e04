"""The history of metrics is what the commits hold: one reader, gaps in sight, odd text harmless."""

import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from browser import Browser

from headrace.core import project
from headrace.core.git import Objects
from headrace.errors import ProjectError
from headrace.history import commits, metrics_files, page, picture, terminal
from headrace.history.collect import gather
from headrace.history.series import History
from headrace.report import svg_scale
from headrace.report.terminal import width
from lab import bake, histories
from lab.histories import STUDY, Step

AUC = "model.roc_auc"
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e&\"'"


def scores(value: object, **metrics: object) -> dict[str, str | bytes | None]:
    """Return metrics/evaluate.json with this value."""
    return {"metrics/evaluate.json": json.dumps({"model": {"roc_auc": value}, **metrics})}


Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a study with a history: a first commit without metrics, then these."""
    return lambda *steps: histories.make(tmp_path / "study", [Step(STUDY, "Begin"), *steps])


def history(root: Path, *words: str, **options: Any) -> History:
    return gather(project.find_project(root), words, **options)


def rendered(gathered: History, columns: int = 100) -> str:
    return "\n".join(terminal.lines(gathered, columns))


def test_a_series_is_what_the_commits_hold_with_gaps_where_they_hold_nothing(make: Make) -> None:
    without_metrics = {"metrics/evaluate.json": None}
    root = make(
        Step(scores(0.5)), Step(without_metrics), Step(scores(0.75)), Step({"README.md": "x"})
    )
    (series,) = history(root, AUC).series
    assert series.values == (None, 0.5, None, 0.75, 0.75)
    assert series.before == (None, None, 0.5, 0.5, 0.75)


def test_values_and_order_are_those_that_git_shows(make: Make) -> None:
    root = make(*(Step(scores(number / 7)) for number in range(40)))
    listed = bake.run(root, "git", "log", "--format=%H", "--reverse").stdout.split()
    gathered = history(root, AUC)
    assert [commit.hash for commit in gathered.commits] == listed
    for commit, value in zip(listed[1:], gathered.series[0].values[1:], strict=True):
        content = bake.run(root, "git", "show", f"{commit}:metrics/evaluate.json").stdout
        assert json.loads(content)["model"]["roc_auc"] == value


def test_one_process_reads_all_objects_and_each_blob_is_parsed_once(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [Step(scores(number % 5)) for number in range(60)]
    root, log = make(*steps), tmp_path / "log"
    shim, git = tmp_path / "bin/git", shutil.which("git")
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\necho "$1" >> "{log}"\nexec {git} "$@"\n')
    shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", os.pathsep.join([str(shim.parent), os.environ["PATH"]]))
    parsed: list[bytes] = []
    parse = metrics_files.parse
    monkeypatch.setattr(metrics_files, "parse", lambda *blob: parsed.append(blob) or parse(*blob))
    assert len(history(root, AUC).commits) == 61
    commands = log.read_text().split()
    assert commands.count("cat-file") == commands.count("log") == 1
    assert len(commands) <= 8  # however many commits there are
    assert len(parsed) == len(set(parsed)) == 5


def test_many_large_objects_are_read_without_a_standstill(make: Make) -> None:
    large = [Step({"large.txt": f"{number}" * 300_000}) for number in range(8)]
    root = make(*large)
    names = [f"HEAD~{number}:large.txt" for number in range(8)] * 40
    with Objects(root) as objects:
        objects_read = objects.read_many(["no\nname", "none", *names, *["x" * 900] * 900])
        assert [next(objects_read), next(objects_read)] == [None, None]
        first = next(objects_read)
        assert first is not None
        assert first.content == b"7" * 300_000
        objects_read.close()  # type: ignore[attr-defined]  # as a caller does that stops early
        assert objects.read("HEAD:dvc.yaml") == STUDY["dvc.yaml"].encode()


def test_merges_are_followed_along_the_first_parent(make: Make) -> None:
    root = make(
        Step(scores(1)),
        Step(scores(2), branch="side"),
        Step(scores(3)),
        Step(scores(4), "Merge", merges="side"),
    )
    assert history(root, AUC).series[0].values == (None, 1, 3, 4)


def test_all_shows_every_branch_and_each_line_follows_its_own_parent(make: Make) -> None:
    side = [Step({**STUDY, **scores(9)}, branch="side"), Step(scores(8), branch="side")]
    root = make(Step(scores(1)), *side, Step(scores(3)))
    gathered = history(root, AUC, everywhere=True)
    (series,) = gathered.series
    assert series.values == (None, 1, 9, 8, 3)
    assert series.before == (None, None, None, 9, 1)
    assert "all branches" in gathered.title
    assert {name for place in range(5) for name in gathered.names(place)} == {"[side]", "[main]"}
    assert "[side]" in rendered(gathered)
    assert "[side]" in page.render(gathered)


def test_a_study_in_a_subfolder_has_its_own_history(tmp_path: Path) -> None:
    inner = {f"sub dir/{name}": content for name, content in {**STUDY, **scores(0.25)}.items()}
    root = histories.make(tmp_path / "top", [Step({"a": "1"}), Step(inner), Step(scores(9))])
    assert history(root / "sub dir", AUC).series[0].values == (None, 0.25, 0.25)


def test_a_detached_head_has_a_history(make: Make) -> None:
    root = make(Step(scores(1)), Step(scores(2)))
    bake.run(root, "git", "checkout", "--quiet", "HEAD~1")
    assert history(root, AUC).series[0].values == (None, 1)


def test_the_range_begins_at_a_date_a_tag_or_a_count(make: Make) -> None:
    steps = [Step(scores(n), tags=("v@1.0",) if n == 3 else ()) for n in range(1, 6)]
    root = make(*steps)
    assert history(root, AUC, since="v@1.0").series[0].values == (3, 4, 5)
    assert history(root, AUC, max_count=2).series[0].values == (4, 5)
    day = history(root, AUC).commits[-2].day
    assert history(root, AUC, since=day).series[0].values[-2:] == (4, 5)


def test_a_metric_that_only_older_commits_know_is_found(make: Make) -> None:
    old = {"metrics/old.json": '{"f1": 0.5}'}
    root = make(Step(old), Step({"metrics/old.json": None, **scores(1)}))
    assert history(root, "f1").series[0].values == (None, 0.5, None)
    assert history(root, "metrics/old.json:f1").series[0].numbers == [0.5]


def test_a_file_that_was_renamed_is_named_with_the_way_to_see_both(make: Make) -> None:
    old = {"metrics/score.json": scores(0.5)["metrics/evaluate.json"]}
    root = make(Step(old), Step({"metrics/score.json": None, **scores(0.75)}))
    gathered = history(root, AUC)
    assert gathered.series[0].values == (None, None, 0.75)
    assert "before, metrics/score.json had it. Next: headrace history '*:" in gathered.notes[0]
    assert [series.numbers for series in history(root, f"*:{AUC}").series] == [[0.75], [0.5]]


def test_a_metric_that_never_is_a_number_is_shown_as_nothing_but_gaps(make: Make) -> None:
    gathered = history(make(Step(scores("a"))), AUC)
    assert gathered.series[0].values == (None, None)
    assert "is text" in rendered(gathered)
    assert "no value" in page.render(gathered)


def test_gates_of_gates_yaml_bound_the_metrics_that_they_speak_of(make: Make) -> None:
    root = make(Step(scores(0.7, flights=5)))
    bounds = "    model.roc_auc: {at_least: 0.5}\n    '*': {at_most: 9}\n"
    (root / "gates.yaml").write_text(f"metrics:\n  metrics/evaluate.json:\n{bounds}")
    bounds_of = {series.metric.name: series.bounds for series in history(root, "*").series}
    assert bounds_of == {AUC: (0.5, 9.0), "flights": (None, 9.0)}


@pytest.mark.parametrize(
    ("gate", "says"),
    [
        ("at_least: 0.8", "its gate asks for at least 0.8"),
        ("at_most: 0.6", "its gate asks for at most 0.6"),
        ("at_least: 0.7", ""),
    ],
)
def test_a_newest_value_that_breaks_its_gate_is_noted(make: Make, gate: str, says: str) -> None:
    root = make(Step(scores(0.9)), Step(scores(0.7)))
    text = f"metrics:\n  metrics/evaluate.json:\n    model.roc_auc: {{{gate}}}\n"
    (root / "gates.yaml").write_text(text)
    notes = [note for note in history(root, AUC).notes if "its gate" in note]
    assert notes == ([f"metrics/evaluate.json:{AUC} is 0.7; {says}"] if says else [])


def test_few_metrics_are_shown_by_default_the_last_stage_first(make: Make) -> None:
    train = {"metrics/train.json": json.dumps({f"t{n}": n for n in range(9)})}
    root = make(Step({**scores(1), **train, "metrics/cost/train.json": '{"wall_s": 3}'}))
    gathered = history(root)
    assert [series.label for series in gathered.series] == [AUC, "t0", "t1", "t2", "t3", "t4"]
    assert "6 of 10 metrics are shown. Next: headrace history 't5*'" in gathered.notes[-1]
    assert len(history(root, "*").series) == 10
    assert [series.label for series in history(root, "model").series] == [AUC]


def test_metrics_with_gates_come_first_and_constants_are_left_out(make: Make) -> None:
    train = [{f"t{n}": n * step for n in range(3)} | {"limit": 5} for step in (1, 2)]
    steps = [Step({**scores(1, rows=9), "metrics/train.json": json.dumps(each)}) for each in train]
    root = make(*steps)
    gates = "metrics: {metrics/train.json: {t2: {at_most: 9}, t1: {better: lower}}}\n"
    (root / "gates.yaml").write_text(gates)
    assert [series.label for series in history(root).series] == ["t2", "t1"]
    assert len(history(root, "*").series) == 6


def test_a_subject_keeps_its_room_in_a_narrow_terminal(make: Make) -> None:
    values = [{f"metric_number_{n}": n * step for n in range(6)} for step in (1, 2)]
    subject = "Try another learning rate"
    steps = [Step({"metrics/train.json": json.dumps(each)}, subject) for each in values]
    lines = rendered(history(make(*steps)), 80).splitlines()
    assert any("Try another learni" in line for line in lines)
    assert all(len(line) <= 80 for line in lines)


def test_a_name_must_mean_one_metric_or_be_a_pattern(make: Make) -> None:
    root = make(Step({**scores(1), "metrics/train.json": '{"model": {"roc_auc": 2}}'}))
    with pytest.raises(ProjectError, match=r"name of 2 metrics: .*evaluate.*train.* Next: "):
        history(root, AUC)
    with pytest.raises(ProjectError, match=r"Did you mean model\.roc_auc\?"):
        history(root, "model.roc_acu")
    (series,) = history(root, f"metrics/train.json:{AUC}").series
    assert series.numbers == [2]
    same_name = history(root, "*.roc_auc").series
    assert [series.label for series in same_name] == [
        f"metrics/evaluate.json:{AUC}",
        f"metrics/train.json:{AUC}",
    ]


BROKEN: dict[str, tuple[str | bytes, str]] = {
    "no JSON": ("<<<<<<< HEAD", "metrics/evaluate.json is not JSON"),
    "no text": (b"\xff\xfe\xff", "metrics/evaluate.json is not JSON"),
    "a text": ('"a"', "metrics/evaluate.json must hold names and numbers"),
    "too deep": ('{"a":' * 100_000, "metrics/evaluate.json is n"),
    "NaN": ('{"model": {"roc_auc": NaN}}', "is NaN, no number"),
    "infinite": ('{"model": {"roc_auc": -Infinity}}', "is infinite, no number"),
    "too large": (f'{{"model": {{"roc_auc": {10**400}}}}}', "is too large a number"),
    "text": ('{"model": {"roc_auc": "n/a"}}', "is text, no number"),
    "nested lists": ('{"model": {"roc_auc": [[1], [2]]}}', "is a list, no number"),
    "a truth": ('{"model": {"roc_auc": true}}', "is true or false, no number"),
    "null": ('{"model": {"roc_auc": null}}', "is null, no number"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_number_is_a_gap_and_a_note_that_names_the_commit(name: str, make: Make) -> None:
    content, expected = BROKEN[name]
    root = make(Step(scores(1)), Step({"metrics/evaluate.json": content}), Step(scores(2)))
    gathered = history(root, AUC)
    assert gathered.series[0].values == (None, 1, None, 2)
    (note,) = gathered.notes
    assert expected in note
    assert gathered.commits[2].short in note


def test_a_group_where_a_number_was_is_a_gap(make: Make) -> None:
    root = make(Step(scores(1)), Step(scores({"mean": 2})))
    assert history(root, AUC).series[0].values == (None, 1, None)


REFUSED: dict[str, tuple[list[str], dict[str, object], str]] = {
    "an unknown metric": (["model.roc_auk"], {}, r"Did you mean model\.roc_auc.* Next: "),
    "an unknown file": (["metrics/x.json:a"], {}, r"None of 2 commits has a metric .* Next: "),
    "no date": ([AUC], {"since": "banana"}, r"no date and no revision 'banana'.* Next: "),
    "no day": ([AUC], {"since": "2026-13-45"}, r"no date and no revision.* Next: "),
    "a misspelt tag": ([AUC], {"since": "v@1.1"}, r"Did you mean v@1\.0\? Next: "),
    "the future": ([AUC], {"since": "2099-01-01"}, r"no commit since 2099-01-01\. Next: "),
    "an option": ([AUC], {"since": "--output=x"}, r"no date and no revision"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_known_is_refused_with_the_next_step(name: str, make: Make) -> None:
    words, options, message = REFUSED[name]
    root = make(Step(scores(1), tags=("v@1.0",)))
    with pytest.raises(ProjectError, match=message):
        history(root, *words, **options)


def test_no_commit_no_repository_and_no_metric_are_said(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"No commit holds a metric.* Next: make repro"):
        history(make())
    new = tmp_path / "new"
    new.mkdir()
    (new / "pyproject.toml").write_text(STUDY["pyproject.toml"])
    (new / "dvc.yaml").write_text(STUDY["dvc.yaml"])
    with pytest.raises(ProjectError, match=r"no git repository\. Next: git init"):
        history(new)
    bake.run(new, "git", "init", "--quiet")
    for everywhere in (False, True):
        with pytest.raises(ProjectError, match=r"There is no commit.* Next: git add"):
            history(new, everywhere=everywhere)


def test_a_shallow_clone_says_where_its_history_ends(make: Make, tmp_path: Path) -> None:
    root, clone = make(*(Step(scores(n)) for n in range(5))), tmp_path / "clone"
    bake.run(tmp_path, "git", "clone", "--quiet", "--depth=2", f"file://{root}", str(clone))
    gathered = history(clone, AUC)
    assert gathered.series[0].values == (3, 4)
    assert f"ends at {gathered.commits[0].short}" in gathered.notes[-1]
    assert gathered.notes[-1].endswith("Next: git fetch --unshallow")
    assert not history(clone, AUC, max_count=1).notes


@pytest.mark.parametrize(
    ("word", "is_date"),
    [
        *((text, True) for text in ("2026-01-31", "2 weeks ago", "yesterday", "last friday")),
        *((text, True) for text in ("2026-01-31T12:00:00+02:00", "3.days.ago", "noon")),
        *((text, False) for text in ("", "12", "soon", "2026-02-30", "v1.0", "main", "next week")),
    ],
)  # fmt: skip
def test_a_date_is_what_git_reads_as_one(word: str, *, is_date: bool) -> None:
    assert commits.is_date(word) is is_date


def test_a_sparkline_has_eight_heights_and_a_space_for_a_gap() -> None:
    assert terminal.sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert terminal.sparkline([1, None, 1], 8) == "▄ ▄"
    assert terminal.sparkline([None, None], 8) == "  "
    assert terminal.sparkline([-1e308, 1e308], 8) == "▁█"
    assert len(terminal.sparkline([*range(1000)], 40)) == 40


def test_the_table_is_newest_first_and_folds_what_changed_nothing(make: Make) -> None:
    quiet = [Step({"README.md": f"{number}"}) for number in range(3)]
    root = make(Step(scores(0.5), tags=("m@v1.0.0",)), *quiet, Step(scores(0.75), "Better"))
    lines = rendered(history(root, AUC)).splitlines()
    newest = next(line for line in lines if "0.7500 +0.2500" in line and "Better" in line)
    oldest = next(line for line in lines if "m@v1.0.0" in line)
    assert lines.index(newest) + 2 == lines.index(oldest)
    assert lines[lines.index(newest) + 1] == "  … 3 commits without a change"


@pytest.mark.parametrize("columns", [20, 60, 100, 300])
def test_no_line_is_wider_than_the_terminal(columns: int, make: Make) -> None:
    wide = {f"{'größe' * 4}.{n}": 10.0**n for n in range(9)} | {
        "日本語" * 9: -1e-9,
        "e\u0301" * 50: 3,
    }
    root = make(
        Step(scores(1, **wide), "ö" * 300, tags=("t" * 90,)), Step(scores(2, **wide), "日" * 300)
    )
    gathered = history(root, "*")
    table = rendered(gathered, columns).partition("\n\n")[2].rpartition("\n\n")[0]
    floor = max(columns, 60)  # a value is not cut off for a terminal that nobody has
    assert all(width(line) <= min(floor, 100) for line in table.splitlines())


def test_text_from_git_cannot_steer_a_terminal_or_a_page(make: Make) -> None:
    step = Step(
        {**scores(1), "metrics/train.json": json.dumps({HOSTILE: 2, "\ud800": 3})},
        HOSTILE,
        tags=('odd<tag>&"x',),
        branch="main",
    )
    root = make(step, Step({"README.md": "x"}, HOSTILE))
    bake.run(root, "git", "checkout", "--quiet", "-b", "a<b>&\"c'")
    gathered = history(root, "*", everywhere=True)
    printed = rendered(gathered) + rendered(history(root, AUC))
    assert all(letter.isprintable() or letter == "\n" for letter in printed)
    html = page.render(gathered)
    html.encode()
    assert "<script" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;" in html
    assert "\x1b" not in html
    assert "\u202e" not in html


def test_versions_are_shown_and_the_stages_that_they_went_through_are_not(make: Make) -> None:
    tags = (
        "model@v1.0.0",
        "model#dev#1",
        "model#prod#2",
        "model#prod!#3",
        "model@v0.9.0!#1",
        "fix#12",
    )
    gathered = history(make(Step(scores(0.5), tags=tags)), AUC)
    assert sorted(gathered.commits[-1].tags) == ["fix#12", "model@v1.0.0"]
    assert "model@v1.0.0" in rendered(gathered)


def test_a_picture_is_well_formed_with_gaps_tags_and_gates(make: Make) -> None:
    root = make(
        *(Step(scores(n)) for n in (1, 2)),
        Step({"metrics/evaluate.json": None}),
        Step(scores(3, fit_s=1)),
        Step(scores(4, fit_s=1), HOSTILE, tags=("m@v1.0.0",)),
    )
    gathered = history(root, AUC)
    series = gathered.series[0]
    drawn = picture.draw(gathered.commits, series, gathered.parents)
    tree = ElementTree.fromstring(drawn)
    line = next(part for part in tree.iter("path") if part.get("class") == "line")
    assert re.sub(r"[\d. -]", "", str(line.get("d"))) == "MLML"
    assert len([*tree.iter("circle")]) == 4
    assert any(part.text == "m@v1.0.0" for part in tree.iter("text"))
    assert not [part for part in tree.iter("path") if part.get("class") == "gate"]
    series_with_gate = type(series)(
        series.metric, series.label, series.values, series.before, (0.5, 9)
    )
    tree = ElementTree.fromstring(
        picture.draw(gathered.commits, series_with_gate, gathered.parents)
    )
    words = [part.text for part in tree.iter("text")]
    assert {"gate: at least 0.5000", "gate: at most 9"} <= set(words)
    seconds = history(root, "fit_s")
    assert "seconds" in picture.draw(seconds.commits, seconds.series[0], seconds.parents)


@pytest.mark.parametrize(
    "numbers",
    [[0], [1e308, -1e308], [5e-324, 1e-320], [1, 1 + 1e-15], [10**300, 0], [3, 3], [0.1, 1e9]],
)
def test_any_numbers_have_an_axis_within_the_picture(numbers: list[float]) -> None:
    axis = svg_scale.Scale.around(numbers, 200, 30)
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 9
    for value in (*numbers, *(tick for tick, _ in ticks)):
        assert 29.9 <= axis(value) <= 200.1


class Tags(HTMLParser):
    """The tags of a page that load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.loading: list[str] = []
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag in {"script", "link", "img", "iframe"} or {"src", "href", "style"} & names.keys():
            self.loading.append(tag)
        if names.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(names["content"])


def test_a_page_loads_and_runs_nothing(make: Make) -> None:
    tags = Tags()
    tags.feed(page.render(history(make(Step(scores(1)), Step(scores(2))))))
    assert not tags.loading
    assert tags.policy.startswith("default-src 'none'; style-src 'sha256-")


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
@pytest.mark.parametrize("width", [500, 820, 1300])
def test_a_browser_shows_the_page_without_a_complaint(
    width: int, make: Make, tmp_path: Path
) -> None:
    steps = [Step(scores(n, **{"x" * 60: n}), "s" * 200, tags=(f"t{n}",)) for n in range(30)]
    path = tmp_path / "page.html"
    path.write_text(page.render(history(make(*steps))))
    command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--v=0"]
    options = [
        "--enable-logging=stderr",
        f"--window-size={width},900",
        f"--user-data-dir={tmp_path}/chromium",
    ]
    result = subprocess.run(
        [*command, *options, "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stdout.count("<svg") == 2
    assert "CONSOLE" not in result.stderr, "the policy refuses something of the page's own"


@pytest.mark.parametrize("width", [400, 900, 1400])
def test_a_commit_s_subject_is_in_sight_wherever_its_numbers_are_scrolled_to(
    width: int, make: Make, chromium: Browser, tmp_path: Path
) -> None:
    subject = (
        "More rounds, with a long subject that says in many words what has been changed and why"
    )
    values = {f"a_rather_long_name_of_a_metric_{n}": 0.5 for n in range(8)}
    root = make(Step(scores(1, **values)), Step(scores(2, **values), subject, tags=("v1.0",)))
    (tmp_path / "page.html").write_text(page.render(history(root, "*")))
    chromium.show(tmp_path / "page.html", width)
    shown = """[...document.querySelectorAll('.commit')].map(line => {
        const box = line.getBoundingClientRect()
        return [line.textContent.includes('More rounds'), box.left >= 0,
                box.right <= innerWidth, box.height < 60 || innerWidth < 600] })"""
    for place in (0, 500):
        chromium.ask(f"document.querySelector('.scroll').scrollLeft = {place}")
        lines = chromium.ask(shown)
        assert [line[1:] for line in lines] == [[True] * 3] * len(lines)
        assert any(line[0] for line in lines)


def test_the_command_prints_a_table_json_or_writes_a_page(make: Make, tmp_path: Path) -> None:
    root = make(Step(scores(0.5)), Step(scores(0.75), tags=("v1",)))
    printed = bake.run(root, "headrace", "history").stdout
    assert "\x1b" not in printed
    assert max(map(len, printed.splitlines())) <= 100
    content = json.loads(bake.run(root, "headrace", "history", AUC, "--json").stdout)
    assert [commit["values"][f"metrics/evaluate.json:{AUC}"] for commit in content["commits"]] == [
        0.75,
        0.5,
        None,
    ]
    assert content["commits"][0]["tags"] == ["v1"]
    target = tmp_path / "out/page.html"
    output = bake.run(root, "headrace", "history", "--html", str(target)).stdout
    assert output == f"{target} written\n"
    assert "<svg" in target.read_text()
    for words in (["--html", str(tmp_path)], ["--max-count", "0"], ["nothing"], ["--since", "x"]):
        result = bake.run(root, "headrace", "history", *words, check=False)
        assert result.returncode == 1
        assert "Traceback" not in result.stdout
        assert "Next: " in result.stdout


def test_a_terminal_without_unicode_gets_it_all_the_same(make: Make) -> None:
    root = make(Step(scores(0.5)), Step(scores(0.75), "größer"))
    env = bake.environment(PYTHONIOENCODING="ascii")
    assert "roc_auc" in bake.run(root, "headrace", "history", env=env).stdout


def test_a_broken_dvc_yaml_in_the_newest_commit_is_said_and_passed_by(make: Make) -> None:
    gathered = history(make(Step({**scores(1), "dvc.yaml": "a: ["})))
    assert gathered.series[0].numbers == [1]
    assert "dvc.yaml of the newest commit" in gathered.notes[0]
