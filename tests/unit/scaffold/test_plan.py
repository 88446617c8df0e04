"""What a study of a table will be, and what it leaves out."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from headrace.errors import DataError
from headrace.scaffold import columns, plan, split_check
from headrace.scaffold.columns import Role
from headrace.scaffold.plan import Answers, Plan
from headrace.scaffold.read import Reading
from headrace.scaffold.task import Task

ROWS = 300
RANDOM = np.random.default_rng(0)
NOISE = RANDOM.normal(size=ROWS)
CHANCE = RANDOM.random(ROWS)


def make(target: str = "y", task: str = "", **frame: Any) -> Plan:
    """Return the plan of a table of these columns and one of noise."""
    table = pd.DataFrame({"noise": NOISE, **frame})
    return plan.make("t.csv", Reading(table, "read_csv", {}), Answers(target, task))


@pytest.mark.parametrize(
    ("target", "task"),
    [
        (["a", "b"], Task.BINARY),
        ([True, False], Task.BINARY),
        ([0, 1], Task.BINARY),
        ([0.5, 1.5], Task.BINARY),
        (["a", "b", "c"], Task.MULTICLASS),
        ([1, 2, 3, 4, 5], Task.MULTICLASS),
        ([1, 2.5, 3], Task.REGRESSION),
        ([*range(50)], Task.REGRESSION),
    ],
)
def test_the_task_follows_from_the_target_s_values(target: list[Any], task: Task) -> None:
    assert make(y=RANDOM.choice(target, ROWS)).task == task


@pytest.mark.parametrize(
    ("target", "positive"),
    [
        (["no", "yes", "yes"], "yes"),
        (["benign", "malignant"], "malignant"),
        ([0, 1, 1], 1),
        ([False, True, True], True),
        (["cat", "dog", "dog"], "cat"),  # the rarer one
    ],
)
def test_the_class_looked_for_has_a_known_name_or_is_rarer(
    target: list[Any], positive: Any
) -> None:
    assert make(y=(target * ROWS)[:ROWS]).positive == positive


@pytest.mark.parametrize(
    ("values", "role"),
    [
        (NOISE, Role.NUMBER),
        (RANDOM.integers(0, 9, ROWS), Role.NUMBER),
        (RANDOM.choice(["a", "b"], ROWS), Role.CATEGORY),
        (NOISE > 0, Role.CATEGORY),
        (pd.date_range("2026-01-01", periods=ROWS), Role.TIME),
        (range(ROWS), Role.ID),
        ([f"C{row}" for row in range(ROWS)], Role.ID),
        (["x"] * ROWS, Role.CONSTANT),
        ([None] * ROWS, Role.EMPTY),
        ([f"a text of some words, number {row}" for row in range(ROWS)], Role.TEXT),
        ([f"word {row % 200}" for row in range(ROWS)], Role.TEXT),
    ],
)
def test_a_column_is_what_its_values_are(values: Any, role: Role) -> None:
    (column,) = columns.describe(pd.DataFrame({"x": values}))
    assert column.role == role
    assert bool(column.why) != column.is_feature


LABELS = {
    "binary": CHANCE > 0.5,
    "multiclass": np.array(["a", "b", "c"])[(CHANCE * 3).astype(int)],
    "regression": CHANCE,
}


@pytest.mark.parametrize("task", LABELS)
def test_a_column_that_tells_the_target_is_left_out_and_named(task: str) -> None:
    label = LABELS[task]
    codes = pd.factorize(label)[0] if task != "regression" else label
    leaks = {"again": label, "scaled": codes * 7.0 + 3, "text": [f"v{code}" for code in codes]}
    if task == "regression":
        leaks.pop("text")
    honest = {
        "close": codes + RANDOM.normal(scale=0.5, size=ROWS),
        "group": RANDOM.choice(["u", "v"], ROWS),
    }
    made = make(y=label, **leaks, **honest)
    assert columns.names(made.columns, Role.LEAK) == [*leaks]
    assert {*made.numbers, *made.categories} == {"noise", *honest}
    assert "is it known when the question is asked?" in made.left_out[0].why


def test_five_thousand_columns_are_looked_at() -> None:
    wide = pd.DataFrame(RANDOM.normal(size=(100, 5000))).add_prefix("c").assign(y=[0, 1] * 50)
    made = plan.make("t.csv", Reading(wide, "read_csv", {}), Answers("y"))
    assert len(made.numbers) == 5000


@pytest.mark.parametrize(
    ("target", "task", "y", "message"),
    [
        ("", "", [0, 1], "What is to be predicted"),
        ("", "binary", [0, 1], "needs a target"),
        ("y", "none", [0, 1], "leave --target out"),
        ("z", "", [0, 1], "has no column 'z'"),
        ("y", "", ["a"], "is 'a' in every row"),
        ("y", "", [None], "is missing in every row"),
        ("y", "regression", ["a", "b"], "holds no numbers, such as '[ab]'. Next: --task binary"),
        ("y", "binary", ["a", "b", "c"], "has 3 values, not two. Next: --task multiclass"),
        ("y", "multiclass", [*range(100)], "too many for classes. Next: --task regression"),
        ("y", "", [f"c{n}" for n in range(100)], "too many for classes. Next: choose another"),
    ],
)
def test_a_target_that_cannot_be_predicted_is_refused_with_the_next_step(
    target: str, task: str, y: list[Any], message: str
) -> None:
    with pytest.raises(DataError, match=message) as error:
        make(target, task, y=(y * ROWS)[:ROWS])
    assert "Next: " in str(error.value)


def test_a_class_of_a_single_row_is_refused() -> None:
    with pytest.raises(DataError, match="is 'rare' in a single row"):
        make(y=["rare", *["a", "b"] * ROWS][:ROWS])


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (Answers("y", time="place"), "is no time"),
        (Answers("y", time="gaps"), "has gaps"),
        (Answers("y", key=("place",)), "is no key: 298 rows have that of another"),
        (Answers("y", groups=("nobody",)), "has no column 'nobody'"),
        (Answers("y", positive="maybe"), "'maybe' is no class: "),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(answers: Answers, message: str) -> None:
    days = pd.Series(pd.date_range("2026-01-01", periods=ROWS))
    table = pd.DataFrame(
        {
            "x": NOISE,
            "y": [0, 1] * 150,
            "place": ["a", "b"] * 150,
            "gaps": days.where(days.index > 5),
        }
    )
    with pytest.raises(DataError, match=message) as error:
        split_check.refuse(plan.make("t.csv", Reading(table, "read_csv", {}), answers))
    assert "Next: " in str(error.value)


def test_a_class_of_numbers_is_written_as_python_has_it() -> None:
    made = make(y=([2, 4, 2] * ROWS)[:ROWS])
    assert repr(made.positive) == "4"
    gaps = make(y=([1.0, None, 0.0, 1.0] * ROWS)[:ROWS])
    assert repr(gaps.positive) == "1.0"  # 1 is what people look for, though 0 is rarer


def test_infinite_values_are_refused() -> None:
    with pytest.raises(DataError, match="'x' holds infinite values"):
        make(y=[0, 1] * 150, x=[*NOISE[1:], float("inf")])


@pytest.mark.parametrize(
    ("frame", "answers", "message"),
    [
        ({"g": ["a"] * 300}, Answers("y", groups=("g",)), "too few groups"),
        ({"g": [None, *"abcde" * 60][:300]}, Answers("y", groups=("g",)), "has gaps"),
        ({}, Answers("y", groups=("y",)), "is the target"),
        ({"t": [1] * 20 + [2] * 280}, Answers("y", time="t"), "93% of the rows have the latest"),
        (
            {"t": range(300), "y": [0, 1] * 75 + [1] * 150},
            Answers("y", time="t"),
            "The latest rows by 't' are all 1",
        ),
        (
            {"t": range(300), "g": [*"abcde"] * 60},
            Answers("y", time="t", groups=("g",)),
            "two ways to set rows aside",
        ),
    ],
)
def test_a_split_without_rows_on_either_side_is_refused(
    frame: dict[str, Any], answers: Answers, message: str
) -> None:
    table = pd.DataFrame({"noise": NOISE, "y": [0, 1] * 150} | frame)
    with pytest.raises(DataError, match=message) as error:
        split_check.refuse(plan.make("t.csv", Reading(table, "read_csv", {}), answers))
    assert "Next: " in str(error.value)


def test_too_few_rows_are_refused() -> None:
    table = pd.DataFrame({"x": [1.0, 2.5, 3.0], "y": [0.1, 0.5, 0.7]})
    with pytest.raises(DataError, match="3 rows with a target, too few"):
        split_check.refuse(plan.make("t.csv", Reading(table, "read_csv", {}), Answers("y")))


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([{"lat": 1}] * ROWS, "of type dict"),
        ([[1, 2]] * ROWS, "of type list"),
        (pd.to_timedelta(range(ROWS), "s"), "of type timedelta"),
        ([f"{row}.1 kg" for row in range(ROWS)], "written as '0.1 kg': write them plainly"),
        ([f"${row},000" for row in range(ROWS)], "write them plainly"),
        ([f"{row} %" for row in range(ROWS)], "write them plainly"),
    ],
)
def test_values_that_a_model_does_not_take_are_named(values: Any, why: str) -> None:
    (column,) = columns.describe(pd.DataFrame({"x": values}))
    assert not column.is_feature
    assert why in column.why


def test_a_calendar_column_is_called_as_no_other() -> None:
    days = pd.date_range("2026-01-01", periods=ROWS)
    made = make(y=[0, 1] * 150, day=days, **{"day, month": CHANCE})
    assert made.calendar == " / "
