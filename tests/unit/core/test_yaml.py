"""YAML is read as DVC's own parser reads it, or refused."""

import importlib.util
import io
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from headrace.core import yaml
from headrace.errors import ProjectError
from lab import paths

STUDY = paths.root / "template/{{cookiecutter.project_slug}}"
LEAVES = st.one_of(
    st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none(),
    st.text(max_size=12), st.sampled_from(["1e5", "true", "no", "012", "0x1f", "2013-01-01", "~",
    "1_000", "12e4", ".5", "5.", "=", "a: b", "a #b", "- a", "[1]", "1:30", "+1", "-0", "Null"]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES, lambda child: st.lists(child, max_size=3) | st.dictionaries(st.text(max_size=6), child)
)
WRITTEN = st.dictionaries(st.text("abc_.-/", min_size=1, max_size=5), VALUES, max_size=4)
LINES = st.lists(
    st.builds("{}{}{}{}".format, st.sampled_from(["", "  ", "    "]), st.sampled_from(["", "- "]),
    st.sampled_from(["", "a:", "a: ", "b: ", "c:"]), st.sampled_from(["", "1", "x", "'q'", '"q"',
    "[1, 2]", "{}", "x # y", "#z", "&a", "*a", "|", ">", "x y", "1e3", "0.1", "yes", "x:y",
    "x: y"])),
    max_size=7,
).map("\n".join)  # fmt: skip


TAGS = st.sampled_from(["!!int ", "!!float ", "!!str ", "!!binary ", "!x ", "&x ", "*x ", "<<: "])
ODD = st.sampled_from(
    ["\t", "\x85", "\u2028", "\ufeff", "%YAML 1.1\n", "---", "...", "? ", "\0", "\r"]
)
PIECES = st.lists(LEAVES.map(str) | TAGS | ODD | st.sampled_from(
    ["a: ", "b:", "- ", "{", "}", "[", "]", ", ", "\n", "\n  ", "|\n", ">-\n  ", "'", '"', " #",
     "&x ", "*x"]
), max_size=9).map("".join)  # fmt: skip


def read_alike(text: bytes) -> bool:
    """Compare ours with DVC's reader; tell whether ours read the text.

    What ours reads, DVC's reads, as the same values. Only DVC's refuses tabs between tokens, and a
    block text that begins with a line of spaces: it says so itself.
    """
    try:
        content = yaml.parse(text, "it")
    except ProjectError:
        return False
    try:
        dvc_content = YAML(typ="safe", pure=True).load(text.decode())
    except YAMLError:
        dvc_content = content if re.search(rb"\t|[|>][^\n]*\n *\n", text) else None
    assert repr(content) == repr(dvc_content), text
    return True


@settings(max_examples=300, deadline=None)
@given(WRITTEN)
def test_what_a_program_writes_is_read_alike(content: dict[str, Any]) -> None:
    file = io.BytesIO()
    YAML(typ="safe", pure=True).dump(content, file)
    read_alike(file.getvalue())


@settings(max_examples=1500, deadline=None)
@given(LINES | PIECES)
def test_what_people_write_is_read_alike(text: str) -> None:
    read_alike(text.encode())


@pytest.mark.long
@settings(max_examples=30_000, deadline=None)
@given(LINES | PIECES)
def test_what_people_write_is_read_alike_many_times(text: str) -> None:
    read_alike(text.encode())


@pytest.mark.parametrize("name", ["dvc.lock", "params.yaml", "dvc.yaml"])
def test_the_files_of_a_study_are_read_alike(name: str) -> None:
    assert read_alike(Path((paths.root if name == "dvc.lock" else STUDY) / name).read_bytes())


@pytest.mark.parametrize(
    ("scalar", "value"),
    [("yes", "yes"), ("off", "off"), ("1e3", 1000.0), ("0o17", 15), ("017", 17), ("0x1f", 31),
     ("1_000", 1000), ("1:30", "1:30"), ("-.5", -0.5), ("+1", 1), ("NULL", None), ("True", True)],
)  # fmt: skip
def test_plain_scalars_follow_yaml_1_2(scalar: str, value: object) -> None:
    assert repr(yaml.parse(f"a: {scalar}".encode(), "it")["a"]) == repr(value)
    assert read_alike(f"a: {scalar}".encode())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "it, line 4, column 3: duplicate key 'c'"),
        ("x: &x {a: 1}\ny:\n  <<: *x\n  <<: *x\n", "it, line 4, column 3: duplicate key '<<'"),
        ("a: 2013-01-01\n", r"it: a is a date \(2013-01-01\), which JSON does not know"),
        ("a: [!!binary aGk=]\n", r"it: a\[0\] is a bytes"),
        ("a: !x 1\n", "it, line 1, column 4: could not determine a constructor"),
        ("1: a\n", "it: the name 1 in it must be text"),
        ("? [a]\n: b\n", "it, line 1, column 3: a name is a list or a mapping"),
        ("a: &a\n  - *a\n", "nested too deeply, or contains itself"),
        ("a: " + 2000 * "[", "nested deeper than 1000 levels"),
        (2000 * "- ", "nested deeper than 1000 levels"),
        ("a: 'x\u2028y'\n", r'line 1 has U\+2028\. Next: write "\\u2028", in quotes'),
        ("%YAML 1.1\n---\na: yes\n", "%YAML directive"),
    ],
)  # fmt: skip
def test_what_json_or_dvc_does_not_know_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ProjectError, match=message):
        yaml.parse(text.encode(), "it")


def test_merge_keys_and_aliases_are_read_as_dvc_reads_them() -> None:
    text = b"a: &a {x: 1, y: [2]}\nb: &b {<<: *a, x: 2}\nc: {<<: [*b, {z: 1}], y: 3}\nd: *a\n"
    assert read_alike(text)
    assert yaml.parse(text, "it")["c"] == {"x": 2, "y": 3, "z": 1}


def test_the_python_loader_reads_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"a: 0o17\nb: yes\nc: {<<: {x: 1}, x: 2}\nd: [1e3, ~]\n"
    expected = yaml.parse(text, "it")
    monkeypatch.delattr("yaml.CSafeLoader")
    spec = importlib.util.spec_from_file_location("slow", yaml.__file__)
    assert spec is not None
    assert spec.loader is not None
    slow = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(slow)
    assert slow.parse(text, "it") == expected
