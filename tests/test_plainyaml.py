"""The plain reader of YAML says what DVC's own parser says, or nothing."""

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from headrace.core import plainyaml, yaml
from headrace.errors import ProjectError
from lab import paths

STUDY = paths.root / "template/{{cookiecutter.project_slug}}"
LEAVES = st.one_of(
    st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none(),
    st.text(max_size=12), st.sampled_from(["1e5", "true", "no", "012", "0x1f", "2013-01-01", "~",
    "1_000", "12e4", ".5", "5.", "=", "a: b", "a #b", "- a", "[1]", "1:30", "+1", "-0", "Null"]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=6), one)
)
WRITTEN = st.dictionaries(st.text("abc_.-/", min_size=1, max_size=5), VALUES, max_size=4)
LINES = st.lists(
    st.builds("{}{}{}{}".format, st.sampled_from(["", "  ", "    "]), st.sampled_from(["", "- "]),
    st.sampled_from(["", "a:", "a: ", "b: ", "c:"]), st.sampled_from(["", "1", "x", "'q'", '"q"',
    "[1, 2]", "{}", "x # y", "#z", "&a", "*a", "|", ">", "x y", "1e3", "0.1", "yes", "x:y",
    "x: y"])),
    max_size=7,
).map("\n".join)  # fmt: skip


def same(text: bytes) -> bool:
    """Hold both readers against each other; tell whether the plain one read anything."""
    found = plainyaml.parse(text)
    if found is not None:
        try:
            assert repr(found) == repr(yaml.parse(text, "it"))
        except ProjectError as error:
            raise AssertionError(f"{text!r} is refused: {error}") from None
    return found is not None


@settings(max_examples=300, deadline=None)
@given(WRITTEN)
def test_what_a_program_writes_is_read_alike(content: dict[str, Any]) -> None:
    written = io.BytesIO()
    YAML(typ="safe", pure=True).dump(content, written)
    same(written.getvalue())


@settings(max_examples=1500, deadline=None)
@given(LINES)
def test_what_people_write_is_read_alike(text: str) -> None:
    same(text.encode())


@pytest.mark.long
@settings(max_examples=30_000, deadline=None)
@given(LINES)
def test_what_people_write_is_read_alike_many_times(text: str) -> None:
    same(text.encode())


def test_a_lock_of_dvcs_own_is_plain() -> None:
    assert same((paths.root / "dvc.lock").read_bytes())


@pytest.mark.parametrize("name", ["params.yaml", "dvc.yaml"])
def test_the_templates_files_are_read_alike(name: str) -> None:
    assert same(Path(STUDY / name).read_bytes()) or name == "dvc.yaml"
