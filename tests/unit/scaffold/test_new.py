"""A stage is added to what is there, byte by byte, or refused in words."""

import ast

import pytest
import yaml
from mini_study import Mini

from headrace.core import project
from headrace.errors import ProjectError
from headrace.scaffold import new
from headrace.scaffold.new import NewStage

STAGE = NewStage("clean_up", "02", "a", "data/t.parquet", "t", {})
MEMBERS = NewStage("sweep", "02", "a", "", "", {"size": [1, 2], "kind": ["x"]})
BLOCK = "  clean_up:\n    cmd: headrace run clean_up\n"
FORMS = {
    "plain": "stages:\n  a:\n    cmd: echo\n  b:\n    cmd: echo\n",
    "no line at the end": "stages:\n  a:\n    cmd: echo",
    "comments": (
        "# 1\nstages:\n  a: # one\n    cmd: echo # two\n\n# what follows\nmetrics:\n  - m.json\n"
    ),
    "deeper lists": (
        "stages:\n  a:\n    cmd: echo\n    outs:\n      - x:\n          cache: false\n\n"
        "  # of b\n  b:\n    cmd: echo\n"
    ),
    "a block of text": (
        "stages:\n  a:\n    cmd: |\n      echo\n      # no comment\n  b:\n    cmd: echo\n"
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_stage_is_added_behind_another_and_all_else_stays(form: str) -> None:
    before = FORMS[form]
    text = new._with_stage(before, STAGE, BLOCK)
    added = yaml.safe_load(text)
    assert [*added["stages"]][:2] == ["a", "clean_up"]
    assert added["stages"].pop("clean_up") == {"cmd": "headrace run clean_up"}
    assert added == yaml.safe_load(before)
    assert [line for line in before.splitlines() if line not in text.splitlines()] == []


def test_the_first_stage_of_a_study_is_added_too() -> None:
    first = NewStage("clean_up", "01", "", "", "", {})
    for before in ("stages: {}\n", "stages: {}\nmetrics: [m.json]\n"):
        added = yaml.safe_load(new._with_stage(before, first, BLOCK))
        assert added["stages"] == {"clean_up": {"cmd": "headrace run clean_up"}}


@pytest.mark.parametrize(
    "before",
    [
        "stages: {}\n",
        "metrics:\n  - m.json\n",
        "metrics:\n  - m.json # own\n  - n.json:\n      cache: false\nplots: []\n",
        "metrics:\n  - m.json",
    ],
)
def test_what_a_stage_costs_is_registered_for_each_member(before: str) -> None:
    text = new._with_costs(before, MEMBERS)
    added, old = yaml.safe_load(text), yaml.safe_load(before)
    costs = ["metrics/cost/sweep-1-x.json", "metrics/cost/sweep-2-x.json"]
    assert added["metrics"] == [*old.get("metrics", []), *costs]
    assert {key: added[key] for key in old if key != "metrics"} == {
        key: value for key, value in old.items() if key != "metrics"
    }


def test_parameters_get_a_block_and_a_field_below_the_last() -> None:
    before = (
        'class Block: ...\n\n\nclass Params(Block):\n    """All."""\n\n    seed: int\n'
        '    """Drives it."""\n\n    def check(self):\n        return self\n'
    )
    tree = ast.parse(new._with_block(before, STAGE))
    names = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    assert names == ["Block", "CleanUp", "Params"]
    assert ast.unparse(tree.body[-1]).index("Drives it") < ast.unparse(tree.body[-1]).index(
        "clean_up: CleanUp"
    )


@pytest.mark.parametrize(
    ("name", "axes", "message"),
    [
        ("Clean", {}, "cannot name a stage"),
        ("class", {}, "cannot name a stage"),
        ("a-b", {}, "cannot name a stage"),
        ("../x", {}, "cannot name a stage"),
        ("train", {}, "names a stage or a module already"),
        ("seed", {}, "params.yaml has a 'seed' already"),
        ("sweep", {"for": ["a"]}, "'for' cannot name an axis"),
        ("sweep", {"rows": [1]}, "'rows' cannot name an axis"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_is_written(
    mini: Mini, name: str, axes: dict[str, list[str]], message: str
) -> None:
    before = {path: path.read_bytes() for path in mini.root.rglob("*") if path.is_file()}
    with pytest.raises(ProjectError, match=message) as error:
        new.run(project.find_project(mini.root), name, "", axes)
    assert "Next: " in str(error.value)
    assert {path: path.read_bytes() for path in mini.root.rglob("*") if path.is_file()} == before
