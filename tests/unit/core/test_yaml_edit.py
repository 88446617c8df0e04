"""A value in a YAML file is changed where it stands, and not one other byte."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.core import yaml, yaml_edit
from headrace.errors import ProjectError

TEXT = """\
# A comment
a:
  flow: [1, "two"]   # odd   gaps
  empty: []
  block:
    - one
    - two   # the last

  # before the next
b: 'quoted' # why
c: {x: 1, y: [2]}
d:
  - z
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with comments, quotes and gaps."""
    path = tmp_path / "p.yaml"
    path.write_text(TEXT, "utf-8")
    return path


@pytest.mark.parametrize(
    ("keys", "value", "ordered", "old", "new"),
    [
        (("a", "empty"), "2013-10", True, "[]", "[2013-10]"),
        (("a", "empty"), "2013", True, "[]", '["2013"]'),
        (("a", "block"), "x y", False, "the last\n", "the last\n    - x y\n"),
        (("a", "block"), "o", True, "    - one\n", "    - o\n    - one\n"),
        (("a", "block"), "p", True, "    - one\n", "    - one\n    - p\n"),
        (("d",), "zz", False, "  - z\n", "  - z\n  - zz\n"),
    ],
)
def test_a_value_is_added_where_its_list_stands(
    file: Path, keys: tuple[str, ...], value: str, ordered: bool, old: str, new: str
) -> None:
    assert yaml_edit.add_item(file, keys, value, ordered=ordered) == TEXT.replace(old, new, 1)


LISTS = """\
x:
  batches: [
    # the first storm
    2013-09, # storm month
    2013-11 # the last
  ]
  comma: [
    2013-09, # windy
    # closed for a week
    2013-11,
  ] # all
  tight: [2013-09,
    2013-11]
  rows: [
    2013-08, 2013-09,
    2013-11
  ]
  open: [
    # none yet
  ]
  block:
    # the first hail
    - 2013-09 # hail month
    # open again
    - 2013-11

  last:
  - 2013-09 # no line end"""


@pytest.mark.parametrize(
    ("name", "value", "old", "new"),
    [
        ("batches", "2013-12", "2013-11 # the last\n", "2013-11, # the last\n    2013-12\n"),
        ("batches", "2013-10", "storm month\n", "storm month\n    2013-10,\n"),
        ("batches", "2013-08", "    # the first", "    2013-08,\n    # the first"),
        ("comma", "2013-12", "2013-11,\n", "2013-11,\n    2013-12,\n"),
        ("comma", "2013-10", "windy\n", "windy\n    2013-10,\n"),
        ("comma", "2013-08", "comma: [\n", "comma: [\n    2013-08,\n"),
        ("tight", "2013-12", "2013-11]", "2013-11, 2013-12]"),
        ("tight", "2013-10", "[2013-09,", "[2013-09, 2013-10,"),
        ("tight", "2013-08", "tight: [", "tight: [2013-08, "),
        ("rows", "2013-12", "2013-11\n  ]", "2013-11,\n    2013-12\n  ]"),
        ("rows", "2013-10", "8, 2013-09,", "8, 2013-09, 2013-10,"),
        ("open", "2013-10", "open: [", "open: [2013-10"),
        ("block", "2013-12", "    - 2013-11\n", "    - 2013-11\n    - 2013-12\n"),
        ("block", "2013-10", "hail month\n", "hail month\n    - 2013-10\n"),
        ("block", "2013-08", "block:\n", "block:\n    - 2013-08\n"),
        ("last", "2013-10", "# no line end", "# no line end\n  - 2013-10"),
    ],
)
def test_a_longer_list_keeps_its_comments_and_its_style(
    tmp_path: Path, name: str, value: str, old: str, new: str
) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(LISTS, "utf-8")
    expected = LISTS.replace(old, new, 1)
    assert yaml_edit.add_item(path, ("x", name), value, ordered=True) == expected
    longer = sorted([*yaml.read(path)["x"][name], value])
    assert yaml_edit.set_values(path, {f"x.{name}": longer}) == expected


def test_a_list_of_which_an_item_goes_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("a:\n  - 1 # one\n  - 2\nb: [1, 2] # both\n", "utf-8")
    assert yaml_edit.set_values(path, {"a": [1, 3]}) == "a: [1, 3]\nb: [1, 2] # both\n"
    assert yaml_edit.set_values(path, {"b": [True, 1, 2]}) == (
        "a:\n  - 1 # one\n  - 2\nb: [true, 1, 2] # both\n"
    )
    assert yaml_edit.set_values(path, {"a": [0, 1, 1, 2, 9]}) == (
        "a:\n  - 0\n  - 1 # one\n  - 1\n  - 2\n  - 9\nb: [1, 2] # both\n"
    )


def test_a_list_that_holds_other_things_than_texts_is_left_alone(file: Path) -> None:
    with pytest.raises(ProjectError, match=r"a\.flow cannot be changed here"):
        yaml_edit.add_item(file, ("a", "flow"), "x")


def test_what_is_there_already_stays(file: Path) -> None:
    assert yaml_edit.add_item(file, ("a", "block"), "two") == TEXT


@pytest.mark.parametrize(
    ("name", "value", "old", "new"),
    [
        ("b", "plain", "b: 'quoted' # why", "b: plain # why"),
        ("b", 1.5, "b: 'quoted' # why", "b: 1.5 # why"),
        ("b", True, "b: 'quoted' # why", "b: true # why"),
        ("b", "true", "b: 'quoted' # why", 'b: "true" # why'),
        ("a.flow", [3, 4], '[1, "two"]', "[3, 4]"),
        ("c.y", [5], "[2]", "[5]"),
        ("a.block", ["x"], "block:\n    - one\n    - two   #", "block: [x]   #"),
        ("d", [], "d:\n  - z", "d: []"),
    ],
)
def test_a_value_is_replaced_where_it_stands(
    file: Path, name: str, value: object, old: str, new: str
) -> None:
    assert yaml_edit.set_values(file, {name: value}) == TEXT.replace(old, new, 1)


@pytest.mark.parametrize("keys", [("a",), ("b",), ("a", "none"), ("b", "x")])
def test_where_no_list_stands_nothing_is_added(file: Path, keys: tuple[str, ...]) -> None:
    with pytest.raises(ProjectError, match=r"p\.yaml has no list .*Next: "):
        yaml_edit.add_item(file, keys, "x")


def test_a_name_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(ProjectError, match=r"p\.yaml has no a\.nothing\. Next: "):
        yaml_edit.set_values(file, {"a.nothing": 1})


@settings(deadline=None)
@given(
    st.lists(st.text(max_size=8), unique=True, max_size=4),
    st.text(max_size=8),
    st.booleans(),
)
def test_any_text_comes_back_as_it_went_in(
    tmp_path_factory: pytest.TempPathFactory, items: list[str], value: str, ordered: bool
) -> None:
    path = tmp_path_factory.mktemp("yaml") / "p.yaml"
    path.write_text("a: []\n", "utf-8")
    try:
        for item in [*items, value]:
            path.write_text(yaml_edit.add_item(path, ("a",), item, ordered=ordered), "utf-8")
        path.write_text(yaml_edit.set_values(path, {"a": [value, *items]}), "utf-8")
    except ProjectError:
        return  # what YAML cannot hold, such as a lone surrogate, is refused
    assert yaml.read(path)["a"] == [value, *items]
