"""What is predicted from a table: the task that its target asks for, and the class looked for."""

from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from headrace.errors import DataError, join_names

MAX_CLASSES = 30


MAX_WHOLE_CLASSES = 10
"""A target of more distinct whole numbers than this is a quantity."""


POSITIVES = ("yes", "y", "true", "t", "1", "positive", "malignant", "bad", "fraud", "failed")
"""What people call the class that they look for."""


class Task(StrEnum):
    """What is predicted."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    NONE = "none"


def choose(table: pd.DataFrame, target: str, wanted: str) -> Task:
    """Return the task that is wanted, or by default the one that the target's values look like.

    Errors:
        DataError: the target has too few values or too many, or is no number where one is needed.
    """
    if not target:
        return _without_target(wanted)
    if wanted == Task.NONE:
        raise DataError("--task none predicts nothing. Next: leave --target out")
    values = table[target].dropna()
    counts = values.value_counts()
    if len(counts) < 2:
        only = f"is {_plain(counts.index[0])!r}" if len(counts) else "is missing"
        raise DataError(f"The target {target!r} {only} in every row. Next: choose another")
    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    likely = _likely(values, len(counts), is_number=is_number)
    task = Task(wanted) if wanted else likely
    if task == Task.REGRESSION and not is_number:
        example, step = str(values.iloc[0]), f"--task {likely}"
        raise DataError(
            f"The target {target!r} holds no numbers, such as {example!r}. Next: {step}"
        )
    if task == Task.BINARY and len(counts) != 2:
        raise DataError(
            f"The target {target!r} has {len(counts):,} values, not two. Next: --task {likely}"
        )
    if task != Task.REGRESSION:
        _refuse_classes(target, counts, is_number=is_number)
    return task


def _without_target(wanted: str) -> Task:
    if wanted == Task.NONE:
        return Task.NONE
    if wanted:
        raise DataError(f"--task {wanted} needs a target. Next: --target COLUMN")
    step = "--target COLUMN, or --task none for an analysis without a model"
    raise DataError(f"What is to be predicted? Next: {step}")


def _refuse_classes(target: str, counts: "pd.Series[int]", *, is_number: bool) -> None:
    if len(counts) > MAX_CLASSES:
        step = "--task regression" if is_number else "choose another, or group them"
        raise DataError(
            f"The target {target!r} has {len(counts):,} values in {counts.sum():,} rows: too many"
            f" for classes. Next: {step}"
        )
    if counts.min() < 2:
        step = "--task regression, or " if is_number else ""
        raise DataError(
            f"The target {target!r} is {_plain(counts.idxmin())!r} in a single row, which cannot be"
            f" both learned and judged. Next: {step}take that row out, or group the classes"
        )


def _likely(values: "pd.Series[Any]", classes: int, *, is_number: bool) -> Task:
    if classes == 2:
        return Task.BINARY
    is_whole = is_number and bool((values % 1 == 0).all())
    if is_number and (classes > MAX_WHOLE_CLASSES or not is_whole):
        return Task.REGRESSION
    return Task.MULTICLASS


def positive_class(values: "pd.Series[Any]", wanted: str) -> Any:
    """Return the class that is looked for: the one named, one of a known name, or the rarer one.

    Errors:
        DataError: no class has that name.
    """
    counts = values.value_counts()
    classes = {_name(value): _plain(value) for value in counts.index}
    if wanted:
        if wanted not in classes:
            raise DataError(
                f"{wanted!r} is no class: {join_names(classes, 5)}. Next: name one of them"
            )
        return classes[wanted]
    usual = [value for name, value in classes.items() if name.lower() in POSITIVES]
    return usual[0] if len(usual) == 1 else _plain(counts.idxmin())


def _plain(value: Any) -> Any:
    """Return a value as Python's own type, as code and messages write it."""
    return value.item() if isinstance(value, np.generic) else value


def _name(value: Any) -> str:
    """Return a class as a person writes it: 1 for 1.0."""
    value = _plain(value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
