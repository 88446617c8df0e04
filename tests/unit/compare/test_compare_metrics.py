"""Every number that changed is shown, and is what dvc says; bad input gets a clear word."""

import html
import json
import re
import string
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from compared_study import DVC, PREDICTIONS, Compared, M, change, predicted, scored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from headrace.compare import command, gates, markdown, metrics, page, terminal
from headrace.compare.model import MetricChange, Report, Side, Word
from headrace.core import lockfile
from headrace.gates.model import Gate
from headrace.report.terminal import has_colours
from headrace.stats import Interval
from lab import bake

IS = "roc_auc: {is: roc_auc of chance, better: higher}"
BLOCK = f"predictions: {{file: {PREDICTIONS}, key: [row], label: late}}\n"


@pytest.fixture
def study(tmp_path: Path) -> Compared:
    """A study with one commit on main."""
    return Compared.make(tmp_path / "study", a=1, b={"c": 0.5})


def test_only_the_numbers_that_changed_are_shown_and_the_others_counted(study: Compared) -> None:
    study.metrics(a=1, b={"c": 0.75}, d=2)
    report = study.report()
    assert [(metric.name, metric.old, metric.new, metric.word) for metric in report.metrics] == [
        ("b.c", 0.5, 0.75, Word.CHANGED),
        ("d", None, 2, Word.NEW),
    ]
    assert report.unchanged == 1
    assert change(report, "b.c").change == 0.25
    study.metrics(a=1)
    assert change(study.report(), "b.c").word is Word.GONE


def test_lists_count_by_their_places_and_unicode_keys_are_kept(study: Compared) -> None:
    study.metrics(a=[1, [2, 3]], é={"日本": 1}, b={"c": 0.5})
    study.commit()
    study.metrics(a=[1, [2, 4]], é={"日本": 2}, b={"c": 0.5})
    assert [metric.name for metric in study.report().metrics] == ["a.1.1", "é.日本"]
    output = study.diff("--shallow").stdout
    assert "é.日本" in output
    assert "a.1.1" in output


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "m.json of the working tree is not JSON that can be read"),
        ("", "m.json of the working tree is not JSON that can be read"),
        ("\xff\xfe\xff", "m.json of the working tree is not JSON that can be read"),
        ("[" * 100_000, "m.json of the working tree is not JSON that can be read"),
        ('{"a": ' * 3_000 + "1" + "}" * 3_000, "is not JSON that can be read"),
        ('{"a": NaN}', "a is NaN, it was 1"),
        ('{"a": -Infinity}', "a is -Infinity, it was 1"),
        ('{"a": "one"}', 'a is "one", it was 1'),
        ('{"a": true}', "a is true, it was 1"),
        ('{"a": null}', "a is null, it was 1"),
        (f'{{"a": 1{"0" * 400}}}', "a is 1000"),
        (f'{{"a": 1{"0" * 5000}}}', "is not JSON that can be read"),
    ],
    ids=lambda text: text[:12],
)
def test_a_metrics_file_that_cannot_be_compared_is_named(
    study: Compared, text: str, says: str
) -> None:
    (study.root / M).write_bytes(text.encode("latin-1"))
    report = study.report()
    assert any(says in note for note in report.notes), report.notes
    assert change(report, "a").new is None
    for render in (terminal.render, markdown.render, command.to_json):
        assert render(report)


def test_a_commit_from_before_the_metric_is_no_mistake(study: Compared) -> None:
    (study.root / M).unlink()
    before = study.commit("before the metric")
    study.metrics(a=1)
    report = study.report()
    assert change(report, "a").word is Word.NEW
    assert f"{M} is not in HEAD." in report.notes
    assert study.report(before, before).metrics == ()
    (study.root / M).unlink()
    assert f"{M} is not in the working tree. Next: dvc repro" in study.report("HEAD~1").notes


def test_a_hundred_thousand_keys_are_compared_and_the_first_shown(study: Compared) -> None:
    study.metrics(**{f"key{number}": number for number in range(100_000)})
    study.commit()
    study.metrics(**{f"key{number}": number + 1 for number in range(100_000)})
    report = study.report()
    assert len(report.metrics) == 100_000
    assert len(terminal.render(report).splitlines()) < 250
    assert len(markdown.render(report)) < 65_536
    assert len(json.loads(command.to_json(report))["metrics"]) == 100_000


def test_a_matrix_s_metrics_are_found_on_both_sides(study: Compared) -> None:
    stage = {"matrix": {"k": [1, 2]}, "cmd": "x", "metrics": ["metrics/f-${item.k}.json"]}
    study.write("dvc.yaml", json.dumps({"stages": {"fold": stage}}))
    study.write("metrics/f-1.json", '{"a": 1}')
    study.commit()
    study.write("metrics/f-1.json", '{"a": 2}')
    study.write("metrics/f-2.json", '{"a": 3}')
    report = study.report()
    assert {(metric.file, metric.word) for metric in report.metrics if metric.file != M} == {
        ("metrics/f-1.json", Word.CHANGED),
        ("metrics/f-2.json", Word.NEW),
    }


def test_parameters_that_changed_are_shown_with_their_types(study: Compared) -> None:
    study.write("params.yaml", "seed: 7\ntrain: {rate: 1, months: [1, 2], name: x}\nold: 1\n")
    study.commit()
    study.write("params.yaml", "seed: 7\ntrain: {rate: 1.0, months: [1, 3], name: x}\nnew: 1\n")
    assert [
        (parameter.name, parameter.old, parameter.new) for parameter in study.report().parameters
    ] == [
        ("train.rate", 1, 1.0),
        ("train.months", [1, 2], [1, 3]),
        ("old", 1, None),
        ("new", None, 1),
    ]
    study.write("params.yaml", "seed: [\n")
    output = study.diff().stdout
    assert "params.yaml of the working tree, line 1, column 8" in output
    assert "Traceback" not in output


def test_cost_is_shown_per_stage_with_money_where_there_are_prices(study: Compared) -> None:
    path = "metrics/cost/train.json"
    used = {"wall_s": 3600.0, "cpu_s": 7200.0, "peak_rss_mib": 2048.0, "processor": "x86-64-v3"}
    study.write(path, json.dumps(used))
    study.commit()
    study.write(path, json.dumps(used | {"cpu_s": 3600.0, "processor": "x86-64-v4"}))
    (cost,) = study.report().costs
    assert cost.old == {"wall_s": 3600.0, "cpu_s": 7200.0, "peak_rss_mib": 2048.0}
    assert not cost.same_processor
    study.write("params.yaml", "seed: 7\nprices: {cpu_hour: 0.05, gib_hour: 0.01}\n")
    (cost,) = study.report().costs
    assert (cost.old or {})["dollars"] == pytest.approx(0.12)
    assert (cost.new or {})["dollars"] == pytest.approx(0.07)
    assert not any(cost.file == path for cost in study.report().metrics)
    study.write(path, "{")
    (cost,) = study.report().costs
    assert cost.new is None


def test_a_change_that_may_be_chance_is_called_noise_and_a_real_one_is_not(
    study: Compared,
) -> None:
    study.gates(IS, BLOCK)
    words = []
    for noise, seed in ((0.3, 1), (0.3, 2), (9.0, 3)):
        table = predicted(noise=noise, seed=seed)
        study.predictions(table)
        study.metrics(**scored(table))
        if words or seed > 1:
            metric = change(study.report(), "roc_auc")
            words.append(metric.word)
            assert metric.interval is not None
            assert (metric.interval.low <= 0 <= metric.interval.high) == (metric.word is Word.NOISE)
            assert (metric.interval.rows, metric.interval.resamples) == (400, 1000)
        study.commit()
    assert words == [Word.NOISE, Word.WORSE]
    assert study.report("HEAD~1", "HEAD") == study.report("HEAD~1", "HEAD")


def test_rows_are_paired_by_key_and_the_common_ones_counted(study: Compared) -> None:
    study.gates(IS, BLOCK)
    old, new = predicted(seed=1), predicted(seed=2)
    study.predictions(old)
    study.metrics(**scored(old))
    study.commit()
    study.predictions(new)
    study.metrics(**scored(new))
    straight = change(study.report(), "roc_auc").interval
    study.predictions(new.sample(frac=1, random_state=0))
    assert change(study.report(), "roc_auc").interval == straight
    fewer = new[new["row"] >= 50]
    study.predictions(fewer)
    study.metrics(**scored(fewer))
    report = study.report()
    interval = change(report, "roc_auc").interval
    assert interval is not None
    assert interval.rows == 350
    assert report.shared_rows == (350, 400, 350)
    for render in (terminal.render, markdown.render, page.render):
        text = html.unescape(render(report))
        assert "Intervals are over the 350 rows that both have" in text
        assert "over all 400 and 350 rows" in text


def broken_predictions(study: Compared, how: str) -> None:
    table = predicted(seed=2)
    study.metrics(**scored(table))
    if how == "doubled key":
        table["row"] = 1
    if how == "no row in common":
        table["row"] += 1000
    if how == "another type":
        table["row"] = "r" + table["row"].astype(str)
    if how == "missing column":
        table = table.rename(columns={"chance": "chances"})
    if how == "missing value":
        table.loc[3, "chance"] = None
    cached = study.predictions(table)
    if how == "not in the cache":
        cached.unlink()
        (study.root / PREDICTIONS).unlink()
    if how == "broken file":
        cached.write_bytes(b"PAR1 no more")
    if how == "no lock":
        (study.root / "dvc.lock").unlink()
    if how == "broken lock":
        study.write("dvc.lock", "<<<<<<< HEAD\n")
    if how == "other metrics":
        study.metrics(roc_auc=0.123)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        (
            "not in the cache",
            f"of the working tree is not in DVC's cache. Next: dvc fetch {PREDICTIONS}",
        ),
        ("doubled key", "row do not tell its rows apart"),
        ("no row in common", "have no row of"),
        ("another type", "another type in either state"),
        ("missing column", "has no column chance. Did you mean chances?"),
        ("missing value", "column chance has values missing"),
        ("broken file", "cannot be read: "),
        ("no lock", "is not in its dvc.lock. Next: dvc repro"),
        ("broken lock", "of the working tree: dvc.lock"),
        ("other metrics", "and 0.123 by the metrics. Next: "),
    ],
)
def test_predictions_that_cannot_be_used_cost_the_interval_and_no_more(
    study: Compared, how: str, says: str
) -> None:
    study.gates(IS, BLOCK)
    first = predicted(seed=1)
    study.predictions(first)
    study.metrics(**scored(first))
    study.commit()
    broken_predictions(study, how)
    report = study.report()
    assert any(says in note for note in report.notes), report.notes
    metric = change(report, "roc_auc")
    assert metric.interval is None
    assert metric.word is Word.CHANGED


def test_a_note_on_missing_intervals_names_the_metrics_that_lack_one(study: Compared) -> None:
    study.gates(f"{IS}\n    missed: {{is: false_negative_rate of warned, better: lower}}", BLOCK)
    hashes = {}
    for side, seed in (("champion", 1), ("challenger", 2)):
        table = predicted(seed=seed).assign(row=lambda rows, start=seed: rows["row"] + 1000 * start)
        hashes[side] = lockfile.md5(study.predictions(table))
        study.metrics(**scored(table))
        study.commit()
    score = {"file": M, "name": "roc_auc", "old": 0.7, "new": 0.8, "low": 0.05, "high": 0.15}
    proposal = {"format": 1, "batch": "2013-10", "rows": 400, **hashes}
    proposal["metrics"] = [score | {"resamples": 1000}]
    study.write("reports/retrain-2013-10.json", json.dumps(proposal))
    study.commit()
    report = study.report("HEAD~2", "HEAD")
    assert change(report, "roc_auc").interval is not None
    (note,) = (note for note in report.notes if "No intervals" in note)
    assert note.startswith("No intervals of missed: the states have no row of ")


def test_a_change_that_points_the_other_way_over_the_shared_rows_is_no_verdict() -> None:
    worse = Interval(-0.02, -0.01, 350, 1000)
    gate = Gate(M, "roc_auc", better="higher")
    assert gates.metric_change(M, "roc_auc", 0.7, 0.6, worse, [gate]).word is Word.WORSE
    assert gates.metric_change(M, "roc_auc", 0.7, 0.8, worse, [gate]).word is Word.CHANGED


def test_a_shallow_diff_says_how_many_gates_it_judged_and_tests_no_change(study: Compared) -> None:
    groups = "groups: {group: {false_negative_rate of warned: {at_most: 0.9, min_rows: 1}}}\n"
    study.gates("a: {better: higher, tolerance: 0.5}", BLOCK + groups)
    study.metrics(a=1.2, b={"c": 0.5})
    report = study.report(deep=False)
    assert change(report, "a").word is Word.CHANGED
    for render in (terminal.render, markdown.render):
        text = html.unescape(render(report))
        assert "1 of 2 gates judged: none broken." in text
        assert "1 changed (not tested), 1 the same." in text
    assert "1 of 2 were judged" in page.render(report)


def test_predictions_are_found_where_dvc_s_settings_say(study: Compared, tmp_path: Path) -> None:
    study.gates(IS, BLOCK)
    for seed in (1, 2):
        table = predicted(seed=seed)
        study.predictions(table)
        study.metrics(**scored(table))
        study.commit()
    (study.root / PREDICTIONS).unlink()
    for place, text in (
        ("elsewhere", f"[cache]\n    dir = {tmp_path}/elsewhere\n"),
        ("remote", "['remote \"here\"']\n    url = ../../remote\n"),
    ):
        old = next(at for at in (study.root / ".dvc/cache", tmp_path / "elsewhere") if at.exists())
        old.rename(tmp_path / place)
        assert change(study.report("HEAD~1", "HEAD"), "roc_auc").interval is None
        study.write(".dvc/config.local", text)
        assert change(study.report("HEAD~1", "HEAD"), "roc_auc").interval is not None


TABLE = ("table", "thead", "tbody", "tr", "th", "td")
EVIL = "\x1b[31m|`<img src=x onerror=alert(1)>` @someone [a](http://x.y) *b* _c_ \n# d"


def evil_report() -> Report:
    metric = MetricChange("metrics/m.json", EVIL, 1, 2.0, Word.CHANGED)
    side = Side(EVIL, EVIL, None)
    return Report(side, side, metrics=(metric,), notes=(EVIL,))


def test_what_people_wrote_is_text_in_markdown_and_harmless_in_a_terminal() -> None:
    text = markdown.render(evil_report())
    page = MarkdownIt("commonmark").enable("table").render(text)
    tags = {*re.findall(r"<\s*(\w+)", page)}
    assert tags <= {
        *["p", "code", "strong", "ul", "li", "h3", "table", "thead", "tbody", "tr", "th", "td"]
    }
    assert "<img src=x onerror=alert(1)>" in html.unescape(page)
    assert not re.search(r"@\w", html.unescape(page))
    row = next(line for line in page.splitlines() if "td" in line and "onerror" in line)
    assert "|" in html.unescape(row)
    output = terminal.render(evil_report())
    assert "\x1b" not in output
    assert not any(unicodedata.category(letter) == "Cc" for letter in output if letter != "\n")


def test_a_terminal_s_lines_are_no_wider_than_100_columns(study: Compared) -> None:
    study.metrics(**{"long.name." * 30: 1e-9, "日本" * 90: 123456789.123, "a" * 300: 5})
    report = study.report()
    lines = terminal.render(report).splitlines()
    head = next(index for index, line in enumerate(lines) if line.startswith(f"{M} "))
    rows = lines[head + 1 : head + 6]
    assert all(re.search(" (new|gone) ", row) for row in rows)
    assert all(terminal.width(line) <= 100 for line in rows)


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not has_colours()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert has_colours()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_colours()


def test_a_shallow_diff_imports_no_library_of_numbers(study: Compared) -> None:
    study.gates(IS, BLOCK)
    study.metrics(a=2, roc_auc=0.5)
    heavy = "{'numpy', 'pandas', 'pyarrow', 'pydantic', 'dvc', 'nbformat'}"
    code = (
        "import sys; from headrace.cli.main import main; code = main(['diff', '--shallow']);"
        f" print(code, {heavy} & set(sys.modules))"
    )
    assert bake.run(study.root, "python", "-c", code).stdout.endswith("0 set()\n")


def test_json_is_for_programs(study: Compared) -> None:
    study.metrics(a=2, b={"c": 0.5})
    content = json.loads(study.diff("--json").stdout)
    assert content["old"]["name"] == "HEAD"
    (metric,) = content["metrics"]
    assert (metric["name"], metric["old"], metric["new"], metric["change"]) == ("a", 1, 2, 1)
    study.metrics(a=1e300 * 1e8, b={"c": -1e308})
    study.commit()
    study.metrics(a=1, b={"c": 1e308})
    assert json.loads(study.diff("--json").stdout)["metrics"][-1]["change"] is None


KEYS = st.text(string.ascii_letters + "é日_- ", min_size=1, max_size=5)
LEAVES = st.one_of(
    st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), st.booleans()
)
TREES = st.dictionaries(
    KEYS, st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=4)), max_size=6
)


def headrace_changes(old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[object, object]]:
    texts = [json.dumps(tree).encode() for tree in (old, new)]
    sides = [metrics.parse(text, "x") for text in texts]
    pair = metrics.MetricsPair("x", *sides, ())
    return {name: (sides[0].numbers.get(name), sides[1].numbers.get(name)) for name in pair.changed}


def dvc_changes(old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[object, object]]:
    """Return what dvc's own function says; true and false are no numbers of ours."""
    from dvc.repo.metrics.show import _extract_metrics
    from dvc.utils.diff import diff

    sides = [{"x": {"data": _extract_metrics(tree, "x")}} for tree in (old, new)]
    differences = diff(*sides).get("x", {})
    numbers = {
        name: tuple(None if isinstance(v, bool) else v for v in (pair["old"], pair["new"]))
        for name, pair in differences.items()
    }
    return {name: (a, b) for name, (a, b) in numbers.items() if a != b}


@given(TREES, TREES)
@settings(max_examples=200, deadline=None)
def test_random_trees_differ_in_what_dvc_s_function_says(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    assert headrace_changes(old, new) == dvc_changes(old, new)


@given(st.data())
@settings(
    max_examples=1, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_metrics_are_what_dvc_metrics_diff_says(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """One call of dvc on forty random files."""
    root = tmp_path_factory.mktemp("agree")
    names = [f"metrics/m{number}.json" for number in range(40)]
    trees = [data.draw(st.tuples(TREES, TREES)) for _ in names]
    stage = {**DVC["stages"]["train"], "metrics": [{name: {"cache": False}} for name in names]}
    study = Compared.make(root)
    study.write("dvc.yaml", json.dumps({"stages": {"train": stage}}))
    for side in (0, 1):
        for name, tree in zip(names, trees, strict=True):
            study.write(name, json.dumps(tree[side]))
        if side == 0:
            study.commit()
    output = json.loads(bake.run(root, "dvc", "metrics", "diff", "--json", "HEAD").stdout)
    expected = {
        (file, name): (pair["old"], pair["new"])
        for file, values in output.items()
        for name, pair in values.items()
        if not isinstance(pair["old"], bool) and not isinstance(pair["new"], bool)
    }
    mixed = {
        (file, name)
        for file, values in output.items()
        for name, pair in values.items()
        if isinstance(pair["old"], bool) or isinstance(pair["new"], bool)
    }
    changes = {(pair.file, pair.name): (pair.old, pair.new) for pair in study.report().metrics}
    assert {key: pair for key, pair in changes.items() if key not in mixed} == expected


def test_a_state_is_what_git_has_and_not_what_lies_there(study: Compared) -> None:
    first = study.git("rev-parse", "HEAD")
    study.metrics(a=5)
    report = study.report(first, "HEAD")
    assert report.metrics == ()
