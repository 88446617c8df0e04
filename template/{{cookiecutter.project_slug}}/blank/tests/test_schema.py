"""The data contract: the table keeps it, and every violation is named."""

import pandas as pd
import pytest
from headrace.errors import DataError

from study import data, schema

FIRST = next(iter(schema.raw.columns))


def test_the_raw_table_keeps_its_contract() -> None:
    table = data.read_raw()
    assert len(schema.check(table, schema.raw)) == len(table)


def test_a_column_that_is_gone_is_named(raw: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="the column is missing"):
        schema.check(raw.drop(columns=FIRST), schema.raw)


def test_a_column_that_nobody_knows_is_named(raw: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="the column is not in the contract"):
        schema.check(raw.assign(nobody_knows=1), schema.raw)


def test_a_row_that_stands_twice_is_refused(raw: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="uniq"):
        schema.check(pd.concat([raw, raw.tail(1)]), schema.raw)
