"""The types of columns that come as text, or in other types."""

import numpy as np
import pandas as pd
import pytest

from headrace.errors import DataError
from headrace.schema import column_types


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["true", "False", "1", "0"], [True, False, True, False]),
        (["", None, "TRUE", " false "], [None, None, True, False]),
        ([1.0, 0.0, np.nan, 1.0], [True, False, None, True]),
        ([True, False, None, True], [True, False, None, True]),
    ],
)
def test_a_label_is_true_false_or_missing(labels: list[object], expected: list[object]) -> None:
    column = column_types.booleans(pd.Series(labels, name="late"))
    assert [None if label is pd.NA else label for label in column] == expected


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        (["1", " 02", "3.0"], "int64", [1, 2, 3]),
        ([1.0, 2.0, 3.0], "int64", [1, 2, 3]),
        (["1.5", "2", "3"], "float64", [1.5, 2.0, 3.0]),
        ([1, "2a", True], "str", ["1", "2a", "True"]),
        ([2**60 + 1, "2", "3"], "int64", [2**60 + 1, 2, 3]),
        (["2013-10-01T02:00:00+02:00", "2013-10-01", "2013-10-01 00:00"], "", ["2013-10-01"] * 3),
    ],
)
def test_a_key_has_one_type_however_it_is_written(
    values: list[object], dtype: str, expected: list[object]
) -> None:
    column = column_types.infer(pd.Series(values, name="day", dtype=object))
    key = pd.Series(expected) if dtype else pd.Series(pd.to_datetime(expected, utc=True))
    assert column.dtype == (dtype or "datetime64[us, UTC]")
    assert column.tolist() == key.tolist()
    assert (
        column_types.convert_like(pd.Series(values, dtype=object), column).tolist() == key.tolist()
    )


def test_a_column_of_times_and_other_text_is_refused() -> None:
    with pytest.raises(DataError, match=r"day is 'soon' in row 2: not a time\. Next: "):
        column_types.infer(pd.Series(["2013-10-01", "soon", None], name="day"))
