"""Which rows of a table are valid by a JSON Schema, and why the others are not.

A row is valid, and has the values, as if a server had been asked with it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from headrace.errors import DataError, nearest
from headrace.schema.coerce import Coerced, Mask, coerce
from headrace.schema.json_schema import TEXT_RULES, compile_pattern, normalize, value_types

MISSING = "missing value"
RANGE_RULES = {
    "minimum": ("below", np.less, -1),
    "exclusiveMinimum": ("not above", np.less_equal, -1),
    "maximum": ("above", np.greater, 1),
    "exclusiveMaximum": ("not below", np.greater_equal, 1),
}
"""For each rule of a range: what a violation is called, when there is one, and its side."""
Violations = list[tuple[Mask, str]]
"""Which rows violate a rule, and the reason in words."""


def validate(table: pd.DataFrame, schema: Mapping[str, Any]) -> tuple[pd.DataFrame, pd.Series]:
    """Return the inputs in their types, and for each row its first violation ("" if it is valid).

    The inputs of an invalid row mean nothing.

    Errors:
        DataError: the table lacks a column; the nearest name is shown.
    """
    reasons = pd.Series("", index=table.index)
    inputs: dict[str, pd.Series] = {}
    for name, values, violations in validate_columns(table, schema):
        inputs[name] = values
        for rows, reason in violations:
            first = rows & (reasons == "").to_numpy()  # a row that has a reason keeps it
            reasons[first] = f"{name}: {reason}"
    return pd.DataFrame(inputs), reasons


def validate_columns(
    table: pd.DataFrame, schema: Mapping[str, Any]
) -> Iterator[tuple[str, pd.Series, Violations]]:
    """Yield each input's name, its values in their type, and all its violations.

    Errors:
        DataError: the table lacks a column; the nearest name is shown.
    """
    require_columns(map(str, table.columns), schema)
    for name, rules in normalize(schema, "schema.json")["properties"].items():
        yield (name, *_validate_column(table[name], rules))


def require_columns(names: Iterable[str], schema: Mapping[str, Any]) -> None:
    """Refuse a table with columns of these names where it lacks one of the schema's.

    Errors:
        DataError: it does; the nearest name is shown.
    """
    columns = [*names]
    for name in schema["properties"]:
        if name not in columns:
            near = nearest(name, columns)
            inputs = ", ".join(schema["properties"])
            step = f"Next: add it; the model's inputs are {inputs}"
            raise DataError(f"The rows have no column {name}.{near} {step}")


def _validate_column(column: pd.Series, rules: Mapping[str, Any]) -> tuple[pd.Series, Violations]:
    types = value_types(rules)
    kind, nullable = next(name for name in types if name != "null"), "null" in types
    coerced = coerce(column, kind)
    violations = [*([] if nullable else [(coerced.empty, MISSING)]), *coerced.errors]
    violations += [(rows & coerced.valid, reason) for rows, reason in _violations(coerced, rules)]
    values = coerced.data
    if kind == "integer" and nullable:
        # As a server passes it on: NumPy's integers have no missing value.
        values = np.where(coerced.empty, np.nan, values.astype("float64"))
    return pd.Series(values, index=column.index), violations


def _violations(coerced: Coerced, rules: Mapping[str, Any]) -> Iterator[tuple[Mask, str]]:
    """Yield the violations of each rule; for values that are not valid they mean nothing."""
    within = coerced.overflow == 0
    for rule, (words, is_outside, side) in RANGE_RULES.items():
        if rule in rules:
            with np.errstate(invalid="ignore"):
                outside = is_outside(coerced.data, rules[rule]) & within
            yield outside | (coerced.overflow == side), f"{words} {rules[rule]}"
    if "enum" in rules:
        choices = [value for value in rules["enum"] if value is not None]
        is_choice = pd.Series(coerced.data).isin(choices).to_numpy(bool) & within
        yield ~is_choice, f"not one of {', '.join(map(str, choices))}"
    if {*TEXT_RULES} & {*rules}:
        yield from _text_violations(coerced.data, rules)


def _text_violations(values: pd.Series, rules: Mapping[str, Any]) -> Iterator[tuple[Mask, str]]:
    texts = values.fillna("")
    lengths = texts.str.len().to_numpy()
    if "minLength" in rules:
        yield lengths < rules["minLength"], f"shorter than {rules['minLength']}"
    if "maxLength" in rules:
        yield lengths > rules["maxLength"], f"longer than {rules['maxLength']}"
    if "pattern" in rules:
        # Each text once: a column has few texts and many rows, and the engine takes one at a time.
        matches = [*filter(compile_pattern(rules["pattern"]), texts.unique())]
        yield ~texts.isin(matches).to_numpy(bool), "does not match the pattern"
