"""What the tests share: the study's own table, or 2,000 rows of it."""

import pandas as pd
import pytest

from study import data, features


@pytest.fixture(scope="session")
def raw() -> pd.DataFrame:
    """The raw table, in its order."""
    table = data.read_raw()
    return table.sample(min(len(table), 2000), random_state=0).sort_index()


@pytest.fixture(scope="session")
def table(raw: pd.DataFrame) -> pd.DataFrame:
    """What is built of it."""
    return features.build(raw)
