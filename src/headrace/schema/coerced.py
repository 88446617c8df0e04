"""What is taken of a column: values in their type, and where there is none or a wrong one."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

Mask = npt.NDArray[np.bool_]


class Taken(NamedTuple):
    """A column's values in their type, with a stand-in where there is none, and what is wrong."""

    array: Any
    empty: Mask
    wrong: list[tuple[Mask, str]]
    beyond: npt.NDArray[np.int8]
    """Of whole numbers: -1 or 1 where one is smaller or larger than an array's can be."""

    @property
    def sound(self) -> Mask:
        """Where there is a value, and one of the type."""
        found: Mask = ~np.logical_or.reduce([self.empty, *(mask for mask, _ in self.wrong)])
        return found


def made(values: Any, empty: Mask, *wrong: tuple[Mask, str]) -> Taken:
    """Return values of which none is larger than its array's can be."""
    return Taken(values, empty, [*wrong], np.zeros(len(empty), np.int8))


def blank(column: pd.Series) -> Mask:
    """Tell where a column has no value, or a text with nothing in it."""
    found = column.isna().to_numpy(bool)
    if isinstance(column.dtype, pd.StringDtype):
        found = found | (column.str.strip() == "").fillna(False).to_numpy(bool)
    elif column.dtype == object:
        found = found | np.array([isinstance(one, str) and not one.strip() for one in column], bool)
    return found
