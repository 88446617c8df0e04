"""What is written is code and YAML that says what the plan says, whatever columns are called."""

import ast
import json

import numpy as np
import pandas as pd
import pytest
import yaml

from headrace.scaffold import columns, plan, render
from headrace.scaffold.plan import Answers
from headrace.scaffold.read import Reading

HOSTILE = [
    'a "b"',
    "it's",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "back\\slash",
    "`tick`",
    "\U0001f600",
    "two\nlines",
    "class",
    "row",
    "label",
    "test",
    "model",
    '"""',
    "# no",
    "x" * 200,
    "\u202egnp",
    "$(id)",
    "- a: b",
]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", "none"])
def test_columns_of_any_name_are_data(task: str) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({name: random.normal(size=90) for name in HOSTILE})
    frame["two\nlines"] = random.choice(["a\nb", 'c"""d', "e"], 90)
    target = "it's"
    frame[target] = {
        "binary": random.choice(['y"', "n'"], 90),
        "multiclass": random.choice(["{{ a }}", "b\nc", "`d`"], 90),
    }.get(task, frame[target])
    answers = Answers(task="none") if task == "none" else Answers(target, task)
    made = plan.make('t "1".csv', Reading(frame, "read_csv", {}), answers)
    texts = render.files(made)
    for name, text in texts.items():
        if name.endswith(".py"):
            ast.parse(text)
        elif name.endswith(".yaml"):
            assert isinstance(yaml.safe_load(text), dict)
        else:
            for cell in json.loads(text)["cells"]:
                if cell["cell_type"] == "code":
                    ast.parse("".join(cell["source"]))
    tree = ast.parse(texts["src/study/features.py"])
    values = {
        ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0]): node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value
    }
    assert ast.literal_eval(values["NUMBERS"]) == made.numbers
    assert ast.literal_eval(values["ROW"]) == "row_"


def test_bounds_let_tomorrow_s_rows_pass_and_keep_a_sign() -> None:
    frame = pd.DataFrame({"a": [0.0, 10.0], "b": [-1.5, 2.5], "c": [1e9, 3e9], "d": [7.0, 7.0]})
    bounds = [columns.loose_range(column) for column in columns.describe(frame)]
    assert bounds == [(0.0, 15.0), (-3.5, 4.5), (0.0, 4e9), (3.5, 10.5)]
