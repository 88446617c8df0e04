"""Values reach a notebook's parameters cell in value and type, and nothing else changes."""

import ast
from collections.abc import Mapping
from contextlib import suppress

import nbformat
import papermill
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.core import notebook, parameters
from headrace.core.parameter_check import Value
from headrace.core.stage import Stage
from headrace.errors import ParameterError
from headrace.execution import normalize, parameters_cell
from headrace.execution.papermill_engine import KERNEL

V4 = nbformat.v4

NAMES = st.sampled_from(["alpha", "beta", "gamma"])

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children, max_size=3),
    max_leaves=5,
)


NO_NAMES = ["class", "x=1", "__import__('os')", "a.b", "a b", "1a", "", "a\nb", "a#", "\U0001d431"]


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(2**63), 0])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters() | st.characters(categories=["Cs"]))
    | st.sampled_from(["'''", '"""', "\\", "\n# x", "{}", "__import__('os')", "\ud800", "\u2028"])
)


JSON: st.SearchStrategy[object] = st.deferred(
    lambda: (
        SCALARS
        | st.lists(JSON, max_size=3)
        | st.dictionaries(st.text(max_size=5), JSON, max_size=3)
    )
)


def _typed(value: object) -> object:
    """Return a value together with its types, all the way down: 1 is not True, nor 1.0."""
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if isinstance(value, dict):
        return {name: _typed(item) for name, item in value.items()}
    return type(value).__name__, repr(value)


def _round_trip(values: dict[str, object]) -> dict[str, object]:
    source = V4.new_notebook(cells=[V4.new_code_cell("x = 0", metadata={"tags": ["parameters"]})])
    executed = papermill.execute_notebook(
        source, None, values, kernel_name=KERNEL, language="python", prepare_only=True
    )
    node = nbformat.reads(normalize.text(normalize.normalize(executed)), as_version=4)
    assert [cell.metadata.tags for cell in node.cells] == [["parameters"], [notebook.INJECTED]]
    assigned: dict[str, object] = {}
    exec(node.cells[1].source, {"__builtins__": {}}, assigned)  # nothing can be called
    return assigned


@given(st.dictionaries(st.sampled_from(["alpha", "βeta", "_c"]), JSON, min_size=1))
@settings(max_examples=300, deadline=None)
def test_a_parameter_arrives_in_value_and_type(values: dict[str, object]) -> None:
    assert _typed(_round_trip(values)) == _typed(values)


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_plain_name_is_refused(name: str) -> None:
    with pytest.raises(ParameterError, match="cannot be a name in a notebook"):
        parameters.merge({}, {name: Value(1, "params.yaml")}, Stage("train", {}))


@given(st.text(min_size=1, max_size=8))
@settings(max_examples=300, deadline=None)
def test_a_name_that_is_not_refused_is_read_as_what_it_is(name: str) -> None:
    accepted: Mapping[str, Value] = {}
    with suppress(ParameterError):
        accepted = parameters.merge({}, {name: Value(1, "params.yaml")}, Stage("train", {}))
    for accepted_name in accepted:
        statements = ast.parse(accepted_name).body
        assert ast.dump(statements[0]) == ast.dump(ast.Expr(ast.Name(name, ast.Load())))
        assert _round_trip({name: accepted[name].value}) == {name: 1}


@pytest.mark.long
@given(st.dictionaries(st.sampled_from(["alpha", "βeta", "_c"]), JSON, min_size=1))
@settings(max_examples=10_000, deadline=None)
def test_ten_thousand_parameters_arrive_in_value_and_type(values: dict[str, object]) -> None:
    assert _typed(_round_trip(values)) == _typed(values)


@given(old=st.dictionaries(NAMES, VALUES, min_size=1), new=st.dictionaries(NAMES, VALUES))
@settings(max_examples=200, deadline=None)
def test_sync_sets_the_named_values_and_leaves_the_rest(
    old: dict[str, object], new: dict[str, object]
) -> None:
    cell = "# é\n" + "\n".join(f"{name} = {value!r}  # ü {name}" for name, value in old.items())
    result: dict[str, object] = {}
    exec(parameters_cell.with_values(cell, new), result)  # literals, made here
    expected = {name: new.get(name, value) for name, value in old.items()}
    assert repr({name: result[name] for name in old}) == repr(expected)
    assert parameters_cell.with_values(cell, new).count("#") >= cell.count("#") - sum(
        repr(value).count("#") for value in old.values()
    )
