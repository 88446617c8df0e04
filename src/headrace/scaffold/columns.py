"""What the columns of a table are: numbers, categories, dates, or of no use to a model."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import normalized_mutual_info_score, r2_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

Numbers = npt.NDArray[np.float64]
MAX_CATEGORIES = 50
MAX_CATEGORY_SHARE = 0.5
"""A column of text with more distinct values than this share of its rows is no category."""
WORDS_OF_TEXT = 4
LEAK = 0.99
"""What a tree of one column may explain of the target before the column is the target itself."""
LEAK_ROWS = 2000
SUSPICIOUS = 0.25
FEW, HEAD = 10, 200
WRITTEN_NUMBER = re.compile(r"[^\w\s]{0,2}\s?[+-]?\d[\d.,\s'_]*(\s[^\d]{1,5}|[^\w\s]{1,2})?")
"""A number with a unit, a currency, a percent sign, or signs of thousands."""
ID_NAME = re.compile(r"(^|[\W_])(id|ids|key|uuid|guid|index|nr|no|number|code|row)([\W_]|$)", re.I)


class Role(StrEnum):
    """What a column is to a study."""

    NUMBER = "number"
    CATEGORY = "category"
    TIME = "time"
    TEXT = "free text"
    ID = "id"
    CONSTANT = "constant"
    EMPTY = "empty"
    LEAK = "leak"
    OTHER = "of another type"


USED = (Role.NUMBER, Role.CATEGORY, Role.TIME)


@dataclass(frozen=True)
class Column:
    """One column of the table, as its contract and the features need it."""

    name: str
    role: Role
    dtype: str
    """The type that the table has, in pandas' words."""
    missing: float
    """The share of rows without a value."""
    distinct: int
    why: str = ""
    """Why it is no feature, where it is none."""
    low: float | None = None
    high: float | None = None
    categories: tuple[Any, ...] = ()

    @property
    def is_feature(self) -> bool:
        """Whether a model can learn from it."""
        return self.role in USED


def describe(table: pd.DataFrame) -> list[Column]:
    """Return what each column of a table is."""
    return [_column(str(name), table[name]) for name in table]


def _column(name: str, values: "pd.Series[Any]") -> Column:
    known = values.dropna()
    if kind := _other_kind(known):
        why = f"its values are of type {kind}, which a model does not take"
        missing = float(values.isna().mean())
        return Column(name, Role.OTHER, str(values.dtype), missing, len(known), why)
    texts = known.map(str) if values.dtype == object else known
    distinct = int(texts.nunique())
    missing = float(values.isna().mean())
    role, why = _role(name, texts, len(values), distinct)
    low, high = _range(known) if pd.api.types.is_numeric_dtype(values) else (None, None)
    is_listed = role == Role.CATEGORY and distinct <= MAX_CATEGORIES
    categories = tuple(sorted(known.unique().tolist(), key=str)) if is_listed else ()
    return Column(name, role, str(values.dtype), missing, distinct, why, low, high, categories)


def _other_kind(known: "pd.Series[Any]") -> str:
    """Return the type of values that are neither numbers, texts, booleans nor dates."""
    if known.dtype == object:
        kinds = {type(value).__name__ for value in known} - {"str", "bool"}
        return ", ".join(sorted(kinds)[:2])
    return "timedelta" if pd.api.types.is_timedelta64_dtype(known) else ""


def _range(known: "pd.Series[Any]") -> tuple[float | None, float | None]:
    finite = known[np.isfinite(known.astype("float64"))]
    return (float(finite.min()), float(finite.max())) if len(finite) else (None, None)


def _role(name: str, known: "pd.Series[Any]", rows: int, distinct: int) -> tuple[Role, str]:
    if distinct == 0:
        return Role.EMPTY, "it has no value"
    if distinct == 1:
        return Role.CONSTANT, f"it is {known.iloc[0]} in every row"
    if pd.api.types.is_bool_dtype(known):
        return Role.CATEGORY, ""
    if pd.api.types.is_datetime64_any_dtype(known):
        return Role.TIME, ""
    if pd.api.types.is_numeric_dtype(known):
        return _role_of_number(name, known, distinct)
    words = known.map(lambda text: len(text.split())).mean()
    if distinct > FEW and all(map(WRITTEN_NUMBER.fullmatch, known.head(HEAD))):
        return (
            Role.TEXT,
            f"it holds numbers that are written as {known.iloc[0]!r}: write them plainly",
        )
    if distinct == rows and words < WORDS_OF_TEXT:
        return Role.ID, "each row has another"
    if words >= WORDS_OF_TEXT and distinct > MAX_CATEGORIES:
        return Role.TEXT, "it is free text"
    if distinct > MAX_CATEGORIES and distinct > MAX_CATEGORY_SHARE * rows:
        return Role.TEXT, f"it has {distinct:,} different texts in {rows:,} rows"
    return Role.CATEGORY, ""


def _role_of_number(name: str, known: "pd.Series[Any]", distinct: int) -> tuple[Role, str]:
    is_whole = pd.api.types.is_integer_dtype(known)
    if is_whole and distinct == len(known):
        steps = known.diff().dropna()
        if ID_NAME.search(name) or (steps == 1).all():
            return Role.ID, "it numbers the rows"
    return Role.NUMBER, ""


def without_leaks(
    columns: Sequence[Column], table: pd.DataFrame, target: str, *, is_number: bool
) -> list[Column]:
    """Return the columns with those marked that are the target by another name.

    A tree that sees one such column alone predicts unseen rows of the target: its predictions share
    nearly all information with the target (normalised mutual information), or all its variance.
    """
    rows = table[table[target].notna()]
    rows = rows.sample(min(len(rows), LEAK_ROWS), random_state=0)
    label = rows[target] if is_number else rows[target].astype(str)
    return [
        column
        if column.name == target or not column.is_feature
        else _checked(column, rows, target, label, is_number)
        for column in columns
    ]


def _checked(
    column: Column, rows: pd.DataFrame, target: str, label: "pd.Series[Any]", is_number: bool
) -> Column:
    if not _tells(rows[column.name], label, is_number):
        return column
    why = f"it tells {target} by itself: is it known when the question is asked?"
    return Column(**vars(column) | {"role": Role.LEAK, "why": why})


def _tells(values: "pd.Series[Any]", label: "pd.Series[Any]", is_number: bool) -> bool:
    codes = _codes(values)
    truth = label.to_numpy("float64") if is_number else _codes(label)
    if not _is_suspicious(codes, truth, is_number):
        return False
    tree = DecisionTreeRegressor if is_number else DecisionTreeClassifier
    folds = KFold(3, shuffle=True, random_state=0)
    predicted = cross_val_predict(tree(random_state=0), codes.reshape(-1, 1), label, cv=folds)
    if is_number:
        return bool(r2_score(label, predicted) >= LEAK)
    return bool(normalized_mutual_info_score(label, predicted) >= LEAK)


def _is_suspicious(codes: Numbers, label: Numbers, is_number: bool) -> bool:
    """Tell cheaply whether a tree is worth its time: in the column's order the label hardly moves.

    By the ratio of its squared steps to those of a random order: von Neumann, Annals of
    Mathematical Statistics 12 (1941); of classes, of its changes. The rows are in random order, so
    those of one value say nothing.
    """
    ordered = label[np.argsort(codes, kind="stable")]
    if is_number:
        return bool(np.mean(np.diff(ordered) ** 2) < SUSPICIOUS * 2 * np.var(label))
    shares = np.unique(label, return_counts=True)[1] / len(label)
    return bool(np.mean(np.diff(ordered) != 0) < SUSPICIOUS * (1 - np.sum(shares**2)))


def _codes(values: "pd.Series[Any]") -> Numbers:
    """Return a column as numbers in its order, one for each value; a missing value is -1."""
    return np.asarray(pd.factorize(values, sort=True)[0], dtype="float64")


def loose_range(column: Column) -> tuple[float, float]:
    """Return bounds of a number that tomorrow's rows may reach: half its span beyond either end.

    What was never negative stays so; bounds have two figures of the span's precision.
    """
    assert column.low is not None
    assert column.high is not None
    span = (column.high - column.low) or abs(column.high) or 1.0
    digits = 1 - math.floor(math.log10(span))
    low, high = (round(end, digits) for end in (column.low - span / 2, column.high + span / 2))
    if column.low >= 0:
        low = max(low, 0.0)
    return low, high


def names(columns: Iterable[Column], *roles: Role) -> list[str]:
    """Return the names of the columns of some roles."""
    return [column.name for column in columns if column.role in roles]
