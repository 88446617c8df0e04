"""A gate that breaks is named and stops; one that is written wrongly is refused with its line."""

import json
from pathlib import Path

import pytest
from compared_study import PREDICTIONS, Compared, M, predicted, scored

from headrace.errors import ProjectError
from headrace.gates import reader
from lab import paths

AUC = "roc_auc: {is: roc_auc of chance, better: higher, tolerance: 0.001, significant: true}"
BLOCK = f"predictions: {{file: {PREDICTIONS}, key: [row], label: late}}\n"
STUDY = paths.root / "template/{{cookiecutter.project_slug}}"


@pytest.fixture
def study(tmp_path: Path) -> Compared:
    """A study with one commit on main."""
    return Compared.make(tmp_path / "study", score=0.8, loss=10, zero=0, deep={"a": 1, "b": 1})


def broken(study: Compared, **metrics: object) -> list[str]:
    """Return what the broken gates say of these metrics."""
    before = {"score": 0.8, "loss": 10, "zero": 0, "deep": {"a": 1, "b": 1}}
    study.metrics(**before | metrics)
    return [gate.says for gate in study.report().broken]


@pytest.mark.parametrize(
    ("gate", "passing", "worse"),
    [
        ("score: {better: higher, tolerance: 0.05}", 0.76, 0.74),
        ("score: {better: higher, tolerance: 5 %}", 0.77, 0.75),
        ('score: {better: higher, tolerance: "5%"}', 0.9, 0.75),
        ("score: {better: higher, tolerance: 0}", 0.8, 0.7999),
        ("score: {better: lower, tolerance: 0.05}", 0.84, 0.86),
        ("score: {at_least: 0.7}", 0.7, 0.69),
        ("score: {at_most: 0.9}", 0.9, 0.91),
        ("score: {better: higher, significant: true}", 0.8, 0.7),
        ('"s*": {at_least: 0.7}', 0.7, 0.69),
        ("score: {must_exist: true, at_least: 0.5}", 0.5, 0.4),
    ],
)
def test_a_gate_breaks_beyond_its_bound_and_not_before(
    study: Compared, gate: str, passing: float, worse: float
) -> None:
    study.gates(gate)
    assert broken(study, score=passing) == []
    (says,) = broken(study, score=worse)
    assert says.startswith(f"score is {worse:.4f}, it was 0.8000: ")


def test_a_gate_names_metric_values_and_bound(study: Compared) -> None:
    study.gates("score: {better: higher, tolerance: 0.05, at_least: 0.75}")
    assert broken(study, score=0.7) == [
        "score is 0.7000, it was 0.8000: 0.1000 worse, more than the 0.05 it may;"
        " it must be at least 0.75"
    ]
    study.gates("loss: {better: lower, tolerance: 10 %}")
    assert broken(study, loss=12) == ["loss is 12, it was 10: 2 worse, more than the 10 % it may"]


def test_a_star_stands_for_any_part_of_a_name(study: Compared) -> None:
    study.gates('"deep.*": {at_most: 2}')
    assert len(study.report("HEAD").gates) == 2
    assert broken(study, deep={"a": 1, "b": 3}) == ["deep.b is 3, it was 1: it must be at most 2"]


def test_what_must_exist_breaks_when_it_is_gone_or_no_number(study: Compared) -> None:
    study.gates("score: {must_exist: true}")
    study.metrics(loss=10)
    assert [gate.says for gate in study.report().broken] == [
        "score must exist; it is gone, it was 0.8000"
    ]
    (study.root / M).unlink()
    assert len(study.report().broken) == 1
    for value in ("NaN", '"0.9"', "true", "null"):
        study.write(M, f'{{"score": {value}, "loss": 10}}')
        study.gates("score: {at_least: 0.5}")
        (says,) = (gate.says for gate in study.report().broken)
        assert says.startswith("score is no longer a number")


def test_a_metric_that_neither_state_has_is_an_error_with_the_nearest_name(
    study: Compared,
) -> None:
    study.gates("scores: {at_least: 0.5}")
    with pytest.raises(
        ProjectError, match=r"^gates\.yaml:3: .*no metric scores\. Did you mean score\? Next"
    ):
        study.report("HEAD")
    study.gates('"x*": {at_least: 0.5}')
    with pytest.raises(ProjectError, match=r"no metric x\*\. Next: "):
        study.report("HEAD")
    study.write("gates.yaml", "metrics: {metrics/n.json: {a: {at_least: 1}}}")
    with pytest.raises(
        ProjectError, match=r"no metrics file of dvc\.yaml\. Did you mean metrics/m\.json\?"
    ):
        study.report("HEAD")


def test_gate_stops_and_names_what_broke(study: Compared) -> None:
    study.gates("score: {better: higher, tolerance: 0.05}")
    study.metrics(score=0.7, loss=10)
    for form in ((), ("--markdown",), ("--json",)):
        result = study.diff("--gate", *form)
        assert result.returncode == 1
        assert "gate broken: metrics/m.json score" in result.stdout
        assert "Traceback" not in result.stdout
    assert study.diff().returncode == 0
    study.metrics(score=0.8, loss=10)
    assert study.diff("--gate").returncode == 0


def test_a_planted_regression_fails_the_gate_and_a_change_within_noise_does_not(
    study: Compared,
) -> None:
    study.gates(AUC, BLOCK)
    for noise, seed in ((0.3, 1), (0.3, 3), (9.0, 4)):
        table = predicted(noise=noise, seed=seed)
        study.predictions(table)
        study.metrics(**scored(table))
        study.commit(f"{noise} {seed}")
    assert study.report("HEAD~1", "HEAD").broken
    reports = study.report("HEAD~1", "HEAD~2"), study.report("HEAD~2", "HEAD~1")
    changes = [report.metrics[0].change or 0.0 for report in reports]
    assert min(changes) < -0.001, "one of both directions is worse by more than the tolerance"
    assert not any(report.broken for report in reports)


def test_without_an_interval_a_worsening_breaks_and_says_so(study: Compared) -> None:
    study.gates(AUC, BLOCK)
    study.metrics(roc_auc=0.8)
    study.commit()
    study.metrics(roc_auc=0.7)
    (gate,) = study.report().broken
    assert gate.says.endswith("(no interval says whether it is chance)")


GROUPS = "groups: {group: {false_negative_rate of warned: {at_most: BOUND, min_rows: ROWS}}}\n"


def grouped(study: Compared, bound: str, rows: int = 5) -> list[tuple[bool, str]]:
    block = BLOCK + GROUPS.replace("BOUND", bound).replace("ROWS", str(rows))
    study.gates("missed: {better: lower}", block)
    return [(gate.kept, gate.says) for gate in study.report().gates]


def test_no_group_may_fare_much_worse_than_the_whole(study: Compared) -> None:
    table = predicted()
    late_b = table["late"] & (table["group"] == "b")
    table.loc[late_b, "warned"] = False
    table.loc[table["late"] & (table["group"] == "a"), "warned"] = True
    study.predictions(table)
    study.metrics(**scored(table))
    overall = late_b.sum() / table["late"].sum()
    assert grouped(study, f"{1.01 / overall:.4f} times the whole")[0][0]
    ((passed, says),) = grouped(study, "1.25 times the whole")
    assert not passed
    assert says == (
        f"false negative rate of group above 1.25 times the whole's {overall:.4f}:"
        f" b 1.0000 of {late_b.sum()}"
    )
    assert not grouped(study, "0.99")[0][0]
    assert grouped(study, "1")[0][0]
    assert grouped(study, "0.5", rows=int(late_b.sum()) + 1)[0][0]


def test_a_gate_on_groups_that_cannot_be_judged_does_not_pass_for_kept(study: Compared) -> None:
    study.metrics(missed=1)
    ((passed, says),) = grouped(study, "1")
    assert not passed
    assert "cannot be judged" in says
    assert "Next: dvc repro" in says


def test_a_shallow_diff_says_that_groups_are_not_judged(study: Compared) -> None:
    study.gates("score: {at_least: 0}", BLOCK + GROUPS.replace("BOUND", "1").replace("ROWS", "5"))
    report = study.report(deep=False)
    assert any("The gates on groups are not judged" in note for note in report.notes)


WRONG = {
    "metrics: {m.json: {a: {beter: higher}}}": r"gates\.yaml:1: .* Did you mean better\?",
    "metric: {}": r"metric is not a setting of gates\.yaml\. Did you mean metrics\?",
    "metrics: []": "metrics must hold names and values",
    "metrics: {m.json: 3}": r"m\.json must hold names and values",
    "metrics:\n  m.json:\n    a: {better: highr}": r"gates\.yaml:3: .* Did you mean higher\?",
    "metrics: {m.json: {a: {tolerance: 1}}}": "needs a direction",
    "metrics: {m.json: {a: {better: higher, tolerance: -1}}}": "tolerance is -1",
    "metrics: {m.json: {a: {better: higher, tolerance: 2 percent}}}": "tolerance is '2 percent'",
    "metrics: {m.json: {a: {at_least: yes please}}}": "at_least is 'yes please'",
    "metrics: {m.json: {a: {at_most: true}}}": "at_most is True",
    "metrics: {m.json: {a: {must_exist: 1}}}": "must_exist is 1",
    "metrics: {m.json: {a: {is: roc_au of x}}}": r"is not a score\. Did you mean roc_auc\?",
    "metrics: {m.json: {a: {is: roc_auc}}}": "names no column",
    "metrics: {m.json: {a: {is: roc_auc of x}}}": "from predictions, and none are named",
    "metrics: {m.json: {a: {at_least: .nan}}}": "finite number",
    "predictions: {file: x, label: y}": "key must list columns",
    "predictions: {key: [a], label: y}": "lacks its file",
    "predictions: {file: x, key: [a], label: y, clusters: z}": "Did you mean cluster",
    "predictions: {file: x, key: [a], label: y, prices: {missing: z}}": "Did you mean missed",
    "groups: {g: {roc_auc of x: {at_most: 1}}}": "'roc_auc' is not a score",
    "groups: {g: {recall of x: {at_most: often}}}": "at_most is 'often'",
    "groups: {g: {recall of x: {at_most: 1, min_rows: 0}}}": "min_rows is 0",
    "a: [": r"gates\.yaml, line 1",
    "- a": "must hold names and values",
    "metrics: &a {m.json: *a}": "nested too deeply|cannot be read|holds itself",
}


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_a_gate_that_is_written_wrongly_is_refused_with_place_and_next_step(text: str) -> None:
    with pytest.raises(ProjectError, match=WRONG[text]):
        reader.parse(text.encode())


@pytest.mark.parametrize("text", [one for one in WRONG if "highr" in one or "beter" in one])
def test_a_mistake_in_gates_yaml_ends_in_no_traceback(study: Compared, text: str) -> None:
    study.write("gates.yaml", text)
    result = study.diff("HEAD")
    assert result.returncode == 1
    assert "Traceback" not in result.stdout
    assert "Next: " in result.stdout


def test_gates_that_changed_are_said_to_have(study: Compared) -> None:
    study.gates("score: {at_least: 0.9}")
    study.commit()
    study.gates("score: {at_least: 0.1}")
    report = study.report()
    assert not report.broken
    assert any("gates.yaml itself changed" in note for note in report.notes)
    study.metrics(score=0.5)
    study.commit()
    study.gates("score: {at_least: 0.9}")
    assert not study.report("HEAD~1", "HEAD").broken, "a state is judged by its own gates"


def test_the_study_s_own_gates_name_its_metrics_columns_and_prices() -> None:
    gates = reader.parse((STUDY / "gates.yaml").read_bytes())
    assert {gate.file for gate in gates.metrics} == {"metrics/evaluate.json", "metrics/train.json"}
    assert gates.predictions is not None
    assert gates.predictions.file == "data/predictions.parquet"
    assert json.dumps(gates.predictions.prices)
    notebook = (STUDY / "notebooks/04_evaluate.ipynb").read_text("utf-8")
    for column in {change.recipe.column for change in gates.metrics if change.recipe}:
        assert column in notebook
