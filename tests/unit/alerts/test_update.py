"""Incidents are opened, reported and closed once, whatever the order of the batches."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from watched_study import ID, RULE, Watched, figures, rule

from headrace.alerts import update
from headrace.errors import DataError, HeadraceError
from headrace.gates.live import Rule, RuleState
from headrace.incidents import incident, store
from headrace.incidents.incident import RuleResult


def test_a_run_of_firing_batches_is_one_incident(watched: Watched) -> None:
    assert watched.monitor(sep=0.1) == []
    assert watched.monitor(sep=0.1, oct=0.3) == [
        "act: the predictions have moved: opened (2013-10). drift.psi is 0.3000 in 2013-10,"
        " and must not be above 0.25. Retrain."
    ]
    (still,) = watched.monitor(sep=0.1, oct=0.3, nov=0.5)
    assert "still open (2013-11). drift.psi is 0.5000" in still
    (closed,) = watched.monitor(sep=0.1, oct=0.3, nov=0.5, dec=0.2)
    assert "closed (2013-12). quiet again in 2013-12." in closed
    closed_incident = watched.only()
    assert (
        closed_incident.id,
        closed_incident.opened,
        closed_incident.closed,
        closed_incident.is_open,
    ) == (ID, "2013-10", "2013-12", False)
    assert {name: result.value for name, result in closed_incident.batches.items()} == {
        "2013-10": 0.3,
        "2013-11": 0.5,
        "2013-12": 0.2,
    }


def test_a_message_says_in_how_many_of_the_last_batches_a_bound_is_violated(
    watched: Watched,
) -> None:
    watched.study.write("gates.yaml", RULE + "    batches: 2 of 3\n")
    (line,) = watched.monitor(sep=0.3, oct=0.4)
    assert "and must not be above 0.25 in 2 of the last 3 batches. Retrain." in line


def test_one_message_goes_out_per_transition_however_often_it_runs(watched: Watched) -> None:
    heard = []
    for values in ({"oct": 0.3}, {"oct": 0.3, "nov": 0.4}, {"oct": 0.3, "nov": 0.4, "dec": 0}):
        for _ in range(10):
            heard += watched.monitor(**values)
    assert [line.split(": ")[2].split(".")[0] for line in heard] == [
        "opened (2013-10)",
        "still open (2013-11)",
        "closed (2013-12)",
    ]


def test_a_second_run_leaves_the_files_unchanged(watched: Watched) -> None:
    watched.monitor(oct=0.3)
    path = watched.root / store.file_name(ID)
    before = path.stat()
    watched.monitor(oct=0.3)
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino
    assert json.loads(path.read_text("utf-8"))["status"] == "open"


def test_a_message_offers_three_commands(watched: Watched) -> None:
    watched.monitor(oct=0.3)
    commands = [line for line in watched.output.splitlines() if line.startswith("  ")]
    assert [line.split()[0] for line in commands] == ["dismiss", "roll", "retrain"]
    assert f"headrace alert dismiss {ID} --reason TEXT" in commands[0]
    assert commands[1].endswith("&& headrace rollback")
    assert commands[2].endswith("&& headrace retrain")
    watched.monitor(oct=0.3, nov=0)
    assert "headrace" not in watched.output


def test_an_unknown_figure_leaves_an_incident_unchanged(watched: Watched) -> None:
    watched.monitor(oct=0.3)
    assert watched.monitor(oct=0.3, nov=None) == []
    assert watched.only().is_open
    assert watched.monitor(oct=None, nov=None) == [], "nor is the last word forgotten"
    assert watched.only().batches["2013-10"].value == 0.3


def test_two_runs_are_two_incidents(watched: Watched) -> None:
    watched.monitor(sep=0.3, oct=0, nov=0.3)
    assert [incident.opened for incident in watched.incidents().values()] == ["2013-09", "2013-11"]
    assert [incident.is_open for incident in watched.incidents().values()] == [False, True]


def test_a_batch_that_is_evaluated_again_counts_with_its_new_value(watched: Watched) -> None:
    watched.monitor(oct=0.3)
    assert watched.monitor(oct=0.4) == []
    assert watched.only().batches["2013-10"].value == 0.4
    (line,) = watched.monitor(oct=0.1)
    assert line.endswith("closed (2013-10). judged again, it is quiet.")
    assert watched.monitor(oct=0.1) == []
    (line,) = watched.monitor(oct=0.9)
    assert "open again (2013-10)" in line
    assert watched.only().is_open


def test_late_labels_that_join_two_incidents_make_them_one(watched: Watched) -> None:
    watched.monitor(sep=0.3, oct=0, nov=0.3)
    watched.monitor(sep=0.3, oct=0.3, nov=0.3)
    first, second = watched.incidents().values()
    assert first.is_open
    assert [*first.batches] == ["2013-09", "2013-10", "2013-11"]
    assert (second.is_open, second.close_reason) == (False, "it belongs to an earlier incident")
    assert watched.monitor(sep=0.3, oct=0.3, nov=0.3) == []


def test_a_batch_out_of_order_is_reported_as_such(watched: Watched) -> None:
    watched.opened()
    (line,) = watched.monitor(sep=0.6, oct=0.3)
    assert "still open (2013-09). drift.psi is 0.6000" in line
    assert "It was evaluated after a later batch." in line
    assert (watched.only().id, watched.only().opened) == (ID, "2013-09")


def test_a_deleted_batch_is_reported_once_and_its_value_is_kept(watched: Watched) -> None:
    watched.monitor(oct=0.3, nov=0.4)
    (line,) = watched.monitor(nov=0.4)
    assert "kept (2013-10). The figures no longer hold" in line
    assert watched.monitor(nov=0.4) == []
    assert [*watched.only().batches] == ["2013-10", "2013-11"]
    watched.monitor(dec=0.0)
    assert watched.only().closed == "2013-12"


def test_removing_a_rule_closes_its_incident(watched: Watched) -> None:
    watched.opened()
    watched.study.write("gates.yaml", "live: {}\n")
    (line,) = watched.monitor(oct=0.3)
    assert line.endswith("closed (2013-10). its rule is not in gates.yaml any more.")
    assert watched.monitor(oct=0.3) == []
    watched.study.write("gates.yaml", RULE)
    (line,) = watched.monitor(oct=0.3)
    assert "open again (2013-10)" in line


def test_a_rule_with_a_raised_level_is_reported_again(watched: Watched) -> None:
    watched.study.write("gates.yaml", RULE.replace("act", "notice"))
    watched.monitor(oct=0.3)
    watched.study.write("gates.yaml", RULE)
    (line,) = watched.monitor(oct=0.3)
    assert line.startswith("act: the predictions have moved: raised (2013-10).")
    assert watched.monitor(oct=0.3) == []


def test_a_file_that_cannot_be_read_is_named_and_nothing_is_written_over_it(
    watched: Watched,
) -> None:
    watched.opened()
    path = watched.root / store.file_name(ID)
    valid = path.read_text("utf-8")
    broken = ("<<<<<<< ours\n", "[]", "{}", valid.replace('"act"', '"loud"'), "[" * 9999, "\x00")
    for text in broken:
        path.write_text(text, "utf-8")
        with pytest.raises(DataError, match=rf"alerts/{ID}\.json cannot be read.*Next: "):
            watched.monitor(oct=0.3, nov=0.4)
        assert path.read_text("utf-8") == text


@pytest.mark.parametrize("name", ["../x", "", "a b", "x\n", "é", ".", "a" * 101, "-x"])
def test_a_batch_with_an_odd_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"is not a batch name\..* Next: "):
        update.update(tmp_path, {name: {"drift": {"psi": 1.0}}}, [rule()])
    assert not (tmp_path / "alerts").exists()


def test_figures_without_batches_are_refused(tmp_path: Path) -> None:
    wrong: dict[str, Any] = {"rows": 3}
    with pytest.raises(DataError, match=r"rows holds no figures by name\. Next: "):
        update.update(tmp_path, wrong, [rule()])


NAMES = (
    *("../../etc/passwd", "<b>x</b>", "a\nb", "é ü", "日本", "CON", "a" * 150, "x/y", "\x1b[31m"),
    *("two  blanks", "two blanks", "Two blanks", "two-blanks", "\u202eabc", "-", "$(touch x)"),
)


def test_a_hostile_name_makes_a_file_name_that_is_safe_and_its_own(tmp_path: Path) -> None:
    listed = [rule(name) for name in NAMES]
    first = update.update(tmp_path, figures(oct=0.3), listed)
    assert [transition.incident.rule for transition in first] == [*NAMES]
    files = sorted(path.name for path in (tmp_path / "alerts").iterdir())
    assert len(files) == len(NAMES)
    assert all(store.ID.fullmatch(name) and len(name) < 100 for name in files)
    assert [path.name for path in tmp_path.iterdir()] == ["alerts"]
    second = update.update(tmp_path, figures(oct=0.3), listed)
    assert {transition.incident.rule for transition in second} == {*NAMES}
    assert len([*(tmp_path / "alerts").iterdir()]) == len(NAMES)


def test_names_that_would_share_a_file_do_not(tmp_path: Path) -> None:
    monitored = {"2013": {"drift": {"psi": 1.0}}, "b-2013": {"drift": {"psi": 1.0}}}
    rules_ = [rule("a b"), rule("a")]
    update.update(tmp_path, {"2013": monitored["2013"]}, rules_[:1])
    update.update(tmp_path, monitored, rules_)
    incidents = store.read(tmp_path)
    assert {(incident_.rule, incident_.opened) for incident_ in incidents.values()} >= {
        ("a b", "2013"),
        ("a", "2013"),
    }


BATCHES = ("2013-09", "2013-10", "2013-11", "2013-12", "2014-01")
VALUES = st.none() | st.sampled_from([0.0, 0.3, 0.6])
STEP = st.dictionaries(st.sampled_from(BATCHES), VALUES)


def check_orders(root: Path, steps: list[dict[str, float | None]], rule_: Rule) -> None:
    """Update incidents step by step: batches come in any order, and their labels late."""
    values: dict[str, float | None] = {}
    messages: list[str] = []
    for step in steps:
        values |= {
            name: value for name, value in step.items() if value is not None or name not in values
        }
        monitored = {
            name: {"drift": {} if value is None else {"psi": value}}
            for name, value in values.items()
        }
        for transition in update.update(root, monitored, [rule_]):
            messages.append(f"{transition.incident.id} {transition.kind} {transition.batch}")
            transition.receivers["output"] = True
            store.write(root, transition.incident)
    incidents = store.read(root).values()
    assert all(incident_.id == f"it-moved-{incident_.first_batch}" for incident_ in incidents)
    results = {
        name: RuleResult(RuleState.FIRES if rule_.is_violated(value) else RuleState.QUIET, value)
        for name, value in values.items()
        if value is not None
    }
    assert sorted(incident_.firing for incident_ in incidents if not incident_.is_withdrawn) == [
        run.firing for run in incident.firing_runs(results)
    ]
    assert sum(incident_.is_open for incident_ in incidents) <= 1
    assert len(messages) == len(set(messages))


@given(steps=st.lists(STEP, max_size=6))
@settings(max_examples=25, deadline=None)
def test_no_order_of_batches_loses_one_or_notifies_twice(
    tmp_path_factory: pytest.TempPathFactory, steps: list[dict[str, float | None]]
) -> None:
    check_orders(tmp_path_factory.mktemp("study"), steps, rule())


@pytest.mark.long
@given(steps=st.lists(STEP, max_size=20))
@settings(max_examples=1500, deadline=None)
def test_thousands_of_orders_of_batches_lose_none_and_notify_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[dict[str, float | None]]
) -> None:
    check_orders(tmp_path_factory.mktemp("study"), steps, rule())


# `headrace alert`


def test_the_incidents_are_listed_the_open_ones_first(watched: Watched) -> None:
    assert "No incidents yet. Next: " in watched.study.do("alert")
    watched.monitor(sep=0.3, oct=0, nov=0.4)
    output = watched.study.do("alert", "list")
    first, second = (line for line in output.splitlines() if not line.startswith(" "))
    assert first == "the-predictions-have-moved-2013-11  act, open since 2013-11"
    assert second.endswith("closed: quiet again in 2013-10")
    assert "drift.psi 0.4000 in 2013-11; it must not be above 0.25" in output


def test_a_broken_rule_or_file_is_no_traceback(watched: Watched) -> None:
    watched.study.write("alerts/x.json", "{")
    assert "alerts/x.json cannot be read" in watched.study.fails("alert")
    with pytest.raises(HeadraceError):
        watched.incidents()


# `headrace check`


GROUPS = """\
predictions: {file: p.parquet, key: [row], label: late}
groups: {carrier: {false_negative_rate of warned: {at_most: 0.5, min_rows: 9}}}
"""


@pytest.mark.parametrize(
    ("monitored", "figure", "says"),
    [
        ({"drift": {"psi": 0.1}}, "drift.psi", ""),
        ({"drift": {"psi": 0.1}}, "drift.pssi", "Did you mean drift.psi?"),
        ({"drift": {"psi": 0.1}}, "drif.psi", "Did you mean drift.psi?"),
        ({"drift": {"psi": 0.1}}, "performance.roc_auc", ""),
        ({"performance": {"truth_share": 0.0}}, "performance.roc_auc", ""),
        ({"performance": {"roc_auc": 0.7}}, "performance.roc_acu", "Did you mean"),
        ({"performance": {"brier_score": 0.1}}, "performance.roc_auc_high", ""),
        ({"performance": {"roc_auc": 0.7}}, "performance.cost_per_1000_low", ""),
        ({"drift": {"psi_max": 0.1}}, "drift.psi_prediction", ""),
        ({"groups": {"origin": {"recall": 0.1}}}, "groups.carrier.false_negative_rate_low", ""),
        ({"groups": {"origin": {"recall": 0.1}}}, "groups.carier.recall", "has no figure"),
        (None, "drift.psi", ""),
        ("broken", "drift.psi", ""),
    ],
)
def test_an_unknown_figure_is_reported_unless_labels_may_bring_it(
    watched: Watched, monitored: Any, figure: str, says: str
) -> None:
    watched.study.write("gates.yaml", GROUPS + RULE.replace("drift.psi", figure))
    if monitored is not None:
        watched.study.write("metrics/monitor.json", json.dumps({"2013-10": monitored}))
    result = watched.study.run("check", "live-figures")
    assert result.code == (1 if says else 0), result.text
    assert says in result.text
    if says:
        assert result.text.startswith("gates.yaml:5: metrics/monitor.json has no figure")
