"""The table of what a pipeline file may hold is DVC's own schema."""

from typing import Any

import pytest
import voluptuous
from dvc import schema

from headrace.core import dvc_schema


def form(theirs: Any) -> Any:
    """Return a part of DVC's schema as the table writes it."""
    match theirs:
        case voluptuous.Schema():
            return form(theirs.schema)
        case voluptuous.Any():
            return tuple(map(form, theirs.validators))
        case list():
            items = [*map(form, theirs)]
            return [items[0] if len(items) == 1 else tuple(items)]
        case dict():
            return {getattr(key, "schema", key): form(item) for key, item in theirs.items()}
    if theirs is schema.SINGLE_PIPELINE_STAGE_SCHEMA[str]:  # a function: without foreach, and with
        return tuple(map(form, (schema.STAGE_DEFINITION, schema.FOREACH_IN)))
    return type(None) if theirs is None else theirs


def required(theirs: Any) -> set[str]:
    """Return the names that a part of DVC's schema requires."""
    inner = list(theirs.values()) if isinstance(theirs, dict) else theirs
    inner = getattr(inner, "validators", getattr(inner, "schema", inner))
    keys = theirs if isinstance(theirs, dict) else ()
    own = {key.schema for key in keys if isinstance(key, voluptuous.Required)} - {str}
    items = inner.values() if isinstance(inner, dict) else inner
    return own.union(*(required(i) for i in items)) if isinstance(items, list | tuple) else own


def test_the_table_is_dvc_s_schema() -> None:
    assert form(schema.MULTI_STAGE_SCHEMA) == dvc_schema.FILE
    parts = [schema.MULTI_STAGE_SCHEMA, schema.STAGE_DEFINITION, schema.FOREACH_IN]
    artifact = required(schema.ARTIFACT_SCHEMA)
    assert artifact.union(*map(required, parts)) == dvc_schema.REQUIRED


STAGE: dict[str, Any] = {"cmd": "x"}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a typo in an out": (
        {"stages": {"a": {**STAGE, "outs": [{"a.txt": {"chached": False}}]}}},
        "stages.a.outs.0.a.txt.chached",
    ),
    "a typo in a stage": ({"stages": {"a": {**STAGE, "dep": ["x"]}}}, "stages.a.dep"),
    "a typo below do": (
        {"stages": {"a": {"foreach": [1], "do": {**STAGE, "ous": []}}}},
        "stages.a.do.ous",
    ),
    "a block of anchors": ({"x-base": {}, "stages": {}}, "x-base"),
    "text for a list": ({"stages": {"a": {**STAGE, "deps": "a"}}}, "stages.a.deps"),
    "nothing for a list": ({"stages": {"a": {**STAGE, "deps": None}}}, "stages.a.deps"),
    "text for a truth": (
        {"stages": {"a": {**STAGE, "outs": [{"b": {"cache": "no"}}]}}},
        "stages.a.outs.0.b.cache",
    ),
    "no command": ({"stages": {"a": {"deps": []}}}, "stages.a.cmd"),
    "no path": ({"artifacts": {"m": {"type": "model"}}}, "artifacts.m.path"),
    "a number for a name": ({"stages": {1: STAGE}}, "stages.1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_dvc_refuses_is_found_with_its_place(name: str) -> None:
    content, place = REFUSED[name]
    assert [".".join(map(str, keys)) for _, keys in dvc_schema.problems(content)] == [place]
