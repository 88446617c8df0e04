"""What a study of a table will be: its task, its features, what is left out, how it is split."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from headrace.errors import DataError, join_names, nearest
from headrace.scaffold import columns
from headrace.scaffold import task as tasks
from headrace.scaffold.columns import Column, Role
from headrace.scaffold.read import Reading
from headrace.scaffold.task import MAX_WHOLE_CLASSES, Task

FEW_ROWS = 2000
"""Below it a linear model is fitted; from it on gradient boosting."""
MAX_NAMES = 12
FEW_FEATURES = 100
"""With more, shuffling each takes too long."""
OWN_NAMES = ("row", "label", "test", "model", "naive", "predicted", "low", "high", "loss")
"""The columns that the study itself adds to a table."""
QUICK_ROWS = 2000


@dataclass(frozen=True)
class Answers:
    """What a person says of a table; what is empty is proposed."""

    target: str = ""
    task: str = ""
    time: str = ""
    groups: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    positive: str = ""


@dataclass(frozen=True)
class Plan:
    """A study of one table."""

    file: str
    """The table's name in data/raw."""
    reading: Reading
    columns: list[Column]
    task: Task
    target: str
    positive: Any
    """The class that is looked for, where there are two."""
    time: str
    groups: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def title(self) -> str:
        """The table's name as prose has it."""
        return Path(self.file).stem.replace("_", " ").replace("-", " ")

    @property
    def has_model(self) -> bool:
        """Whether anything is predicted."""
        return self.task != Task.NONE

    @property
    def rows(self) -> int:
        """The number of rows that were looked at."""
        return len(self.reading.table)

    @property
    def features(self) -> list[Column]:
        """The columns that a model learns from."""
        own = {self.target, *self.key, *self.groups}
        return [column for column in self.columns if column.is_feature and column.name not in own]

    @property
    def numbers(self) -> list[str]:
        """The features that are numbers."""
        return columns.names(self.features, Role.NUMBER)

    @property
    def categories(self) -> list[str]:
        """The features that are categories."""
        return columns.names(self.features, Role.CATEGORY)

    @property
    def times(self) -> list[str]:
        """The features that are dates: a model learns their weekday, month and hour."""
        return columns.names(self.features, Role.TIME)

    @property
    def left_out(self) -> list[Column]:
        """The columns that are of no use to a model."""
        own = {self.target, *self.key}
        return [c for c in self.columns if not c.is_feature and c.name not in own]

    @property
    def is_small(self) -> bool:
        """Whether a linear model is fitted."""
        return self.rows < FEW_ROWS

    @property
    def classes(self) -> list[Any]:
        """The classes of the target, in order."""
        return sorted(self.reading.table[self.target].dropna().unique().tolist(), key=str)

    @property
    def top(self) -> int:
        """Of how many likeliest classes one has to be right, for top-k accuracy."""
        return 2 if len(self.classes) < MAX_WHOLE_CLASSES else 3

    @property
    def quick_fraction(self) -> float:
        """The share of the rows with which tests run the notebooks."""
        return 1.0 if self.rows <= 2 * QUICK_ROWS else round(QUICK_ROWS / self.rows, 4)

    @property
    def label_name(self) -> str:
        """What a picture calls what is predicted."""
        is_class = self.task == Task.BINARY
        return f"{self.target}: {self.positive}" if is_class else self.target

    @property
    def split(self) -> str:
        """How the rows that judge the models are set aside."""
        if self.time:
            return "time"
        return "group" if self.groups else "random" if self.task == Task.REGRESSION else "strata"

    @property
    def others(self) -> str:
        """What the class is called that is not looked for."""
        return str(next(kind for kind in self.classes if kind != self.positive))

    @property
    def has_number_classes(self) -> bool:
        """Whether the classes are numbers, and so stand in their order."""
        return pd.api.types.is_numeric_dtype(self.reading.table[self.target])

    @property
    def calendar(self) -> str:
        """What stands between a date's name and a part of it; no column is called so."""
        taken = {*map(str, self.reading.table.columns)}
        made = (", ", " / ", " | ", " - ")
        parts = [(time, part) for time in self.times for part in ("month", "weekday", "hour")]
        return next(sep for sep in made if not taken & {f"{sep}".join(pair) for pair in parts})

    @cached_property
    def own(self) -> dict[str, str]:
        """The names of the columns that the study adds; with a _ where the table has that name."""
        taken = set(map(str, self.reading.table.columns))
        return {name: name + "_" * (name in taken) for name in OWN_NAMES}


def make(name: str, reading: Reading, answers: Answers) -> Plan:
    """Return the plan of a study of a table.

    Errors:
        DataError: an answer names no column, or the target cannot be predicted.
    """
    table, target = reading.table, answers.target
    _refuse_unknown(name, table, [target, answers.time, *answers.groups, *answers.key])
    task = tasks.choose(table, target, answers.task)
    described = columns.describe(table)
    _refuse_infinite(described, table)
    _refuse_key(table, answers.key)
    positive = None
    if task == Task.BINARY:
        positive = tasks.positive_class(table[target], answers.positive)
    elif answers.positive:
        raise DataError(f"--positive is for two classes, not for {task}. Next: leave it out")
    if task != Task.NONE:
        is_number = task == Task.REGRESSION
        described = columns.without_leaks(described, table, target, is_number=is_number)
    plan = Plan(
        file=name,
        reading=reading,
        columns=described,
        task=task,
        target=target,
        positive=positive,
        time=answers.time,
        groups=answers.groups,
        key=answers.key,
    )
    if plan.has_model and not plan.features:
        left = join_names((f"{column.name} ({column.role})" for column in plan.left_out), 5)
        step = "choose another target, or --task none"
        raise DataError(f"No column of {name} tells anything of {target!r}: {left}. Next: {step}")
    if not plan.features:
        raise DataError(f"No column of {name} can be described. Next: check the file")
    return plan


def _refuse_key(table: pd.DataFrame, key: Sequence[str]) -> None:
    twice = int(table.duplicated(list(key)).sum()) if key else 0
    if twice:
        raise DataError(
            f"{join_names(key, 5)} is no key: {twice:,} rows have that of another row."
            " Next: name columns that tell all rows apart, or none"
        )


def _refuse_unknown(name: str, table: pd.DataFrame, wanted: Sequence[str]) -> None:
    for column in filter(None, wanted):
        if column not in table:
            near = nearest(column, map(str, table.columns))
            known = join_names(map(str, table.columns), MAX_NAMES)
            raise DataError(f"{name} has no column {column!r}.{near} Next: name one of {known}")


def _refuse_infinite(described: Sequence[Column], table: pd.DataFrame) -> None:
    for column in described:
        values = table[column.name]
        if column.role == Role.NUMBER and np.isinf(values.to_numpy("float64", na_value=0)).any():
            raise DataError(
                f"{column.name!r} holds infinite values. Next: leave them empty, or write numbers"
            )
