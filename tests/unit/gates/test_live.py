"""Live rules fire beyond their bounds; mistakes in gates.yaml are refused with their line."""

from typing import Any

import pytest
from watched_study import figures, rule

from headrace.errors import ProjectError
from headrace.gates import live as rules
from headrace.gates import reader
from headrace.gates.live import Level, Light, Rule, RuleState
from headrace.incidents import incident
from lab import paths


def states(rule_: Rule, **values: float | None) -> list[str]:
    return [str(verdict.state) for verdict in rules.evaluate([rule_], figures(**values))]


def test_a_rule_fires_beyond_its_bound_and_not_at_it() -> None:
    assert states(rule(), sep=0.25, oct=0.2501, nov=-3) == ["quiet", "fires", "quiet"]
    below = rule(above=False, bound=-0.05)
    assert states(below, sep=-0.05, oct=-0.06, nov=0.3) == ["quiet", "fires", "quiet"]


def test_a_rule_fires_when_k_of_the_last_n_batches_break_it() -> None:
    rule_ = rule(violations=2, of_batches=3)
    assert states(rule_, sep=1, oct=0, nov=1, dec=0) == ["quiet", "quiet", "fires", "quiet"]
    assert states(rule_, sep=1, oct=1, nov=0, dec=0) == ["quiet", "fires", "fires", "quiet"]
    verdict = rules.evaluate([rule_], figures(sep=1, oct=0, nov=1))[-1]
    assert (verdict.violations, verdict.batches, verdict.value) == (2, 3, 1)


@pytest.mark.parametrize("value", [None, "0.9", True, float("nan"), float("inf"), [1]])
def test_a_figure_that_is_absent_is_not_known_and_never_fires(value: Any) -> None:
    monitored = {"2013-10": {"drift": {} if value is None else {"psi": value}}}
    for rule_ in (rule(), rule(above=False), rule(figure="groups.carrier.rate")):
        (verdict,) = rules.evaluate([rule_], monitored)
        assert (verdict.state, verdict.value) == (RuleState.UNKNOWN, None)


def test_an_unknown_figure_counts_neither_as_quiet_nor_as_firing() -> None:
    rule_ = rule(violations=2, of_batches=2)
    assert states(rule_, sep=1, oct=None, nov=1) == ["quiet", "not known", "fires"]


def test_a_batch_with_too_few_rows_is_not_evaluated() -> None:
    rule_ = rule(min_rows=200)
    monitored = figures(sep=1, oct=1, nov=1)
    monitored["2013-09"]["rows"], monitored["2013-10"]["rows"] = 199, 200
    assert [verdict.state for verdict in rules.evaluate([rule_], monitored)] == [
        RuleState.UNKNOWN,
        RuleState.FIRES,
        RuleState.FIRES,  # how many rows there are is not known
    ]


def test_batches_are_evaluated_in_the_order_of_their_names() -> None:
    mixed = dict(reversed(figures(sep=1, oct=0, nov=0).items()))
    verdicts = rules.evaluate([rule(violations=1, of_batches=2)], mixed)
    assert [(verdict.batch, verdict.state) for verdict in verdicts] == [
        ("2013-09", RuleState.FIRES),
        ("2013-10", RuleState.FIRES),
        ("2013-11", RuleState.QUIET),
    ]


def test_the_most_severe_rule_that_fires_is_the_light_of_a_check() -> None:
    listed = [
        rule("a", level=Level.NOTICE, bound=0.1),
        rule("b"),
        rule("c", figure="performance.roc_auc", above=False, bound=0.6),
    ]
    monitored = figures(sep=0.0, oct=0.2, nov=0.3, dec=None)
    monitored["2013-11"]["performance"] = {"roc_auc": 0.5}
    lights = rules.lights(rules.evaluate(listed, monitored))
    assert {batch: row["drift"] for batch, row in lights.items()} == {
        "2013-09": Light.OK,
        "2013-10": Light.NOTICE,
        "2013-11": Light.ACT,
        "2013-12": Light.UNKNOWN,
    }
    assert [*lights["2013-11"].items()] == [("drift", Light.ACT), ("performance", Light.ACT)]
    assert lights["2013-10"]["performance"] is Light.UNKNOWN


LIVE = "live:\n  it moved: {figure: drift.psi, above: 1, level: act, do: Look}"


WRONG = {
    LIVE.replace("level", "min_rows: 0, level"): "min_rows is 0",
    LIVE.replace("above", "abov"): r"gates\.yaml:2: .* Did you mean above\?",
    LIVE.replace("above: 1, ", ""): "says neither above nor below",
    LIVE.replace("above: 1", "above: 1, below: 0"): "says both above and below",
    LIVE.replace("above: 1", "above: much"): "above is 'much'",
    LIVE.replace("above: 1", "above: true"): "above is True",
    LIVE.replace("level: act", "level: atc"): r"level is 'atc'\. Did you mean act\?",
    LIVE.replace("level: act, ", ""): "lacks its level",
    LIVE.replace(", do: Look", ""): "lacks its do",
    LIVE.replace("do: Look", "do: ''"): "lacks its do",
    LIVE.replace("do: Look", "do: 7"): "its do is 7, not a text",
    LIVE.replace("drift.psi", "psi"): "'psi' is not a figure",
    LIVE.replace("figure: drift.psi, ", ""): "lacks its figure",
    LIVE.replace("act", "act, batches: 3 of 2"): "batches is '3 of 2'",
    LIVE.replace("act", "act, batches: 0 of 2"): "batches is '0 of 2'",
    LIVE.replace("act", "act, batches: all"): "batches is 'all'",
    LIVE.replace("it moved", "''"): "needs a name",
    LIVE.replace("it moved", "x" * 201): "needs a name",
    "live: [a]": "live must hold names and values",
    "live: {a: 3}": "a must hold names and values",
    "lives: {}": r"Did you mean live\?",
}


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_a_live_rule_that_is_written_wrongly_is_refused_with_line_and_next_step(text: str) -> None:
    with pytest.raises(ProjectError, match=WRONG[text]) as caught:
        reader.parse(text.encode())
    assert "gates.yaml:" in str(caught.value)
    assert "Next: " in str(caught.value)


def test_a_live_rule_is_read_as_it_is_written() -> None:
    text = LIVE.replace("act", "notice, batches: 2 of 3")
    assert reader.parse(text.encode()).live == (
        Rule("it moved", "drift.psi", 1.0, True, Level.NOTICE, "Look", 2, 3),
    )
    assert reader.parse(b"metrics: {}").live == ()
    assert reader.parse(b"live:").live == ()


def test_the_study_s_own_rules_cover_each_check_and_say_what_to_do() -> None:
    live = reader.parse((paths.study / "gates.yaml").read_bytes()).live
    assert {rule.check for rule in live} == {"quality", "drift", "performance", "groups"}
    assert {rule.level for rule in live} == {*Level}
    assert all(incident.rule_slug(rule.name) == rule.name.replace(" ", "-") for rule in live)
