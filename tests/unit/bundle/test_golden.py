"""Golden rows: which are chosen, and how they survive JSON."""

import json

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.bundle import golden


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.text("xyzé", max_size=3), st.none() | st.floats(allow_nan=False, width=64)),
        min_size=1,
        max_size=5,
    )
)
def test_rows_survive_json_exactly(rows: list[tuple[str, float | None]]) -> None:
    table = pd.DataFrame(rows, columns=["name", "value"]).astype(
        {"name": "str", "value": "float64"}
    )
    table["count"] = np.arange(len(table))
    text = json.dumps(golden.records(table))
    kinds = {"name": "string", "value": ["number", "null"], "count": "integer"}
    schema = {"properties": {name: {"type": kind} for name, kind in kinds.items()}}
    pd.testing.assert_frame_equal(golden.frame(json.loads(text), schema), table, check_exact=True)


def test_the_extremes_of_every_column_are_among_the_golden_rows() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=500), "b": rng.integers(0, 99, 500), "c": "text"})
    table.loc[250, "a"] = np.nan
    rows = golden.choose(table, rows=20, seed=1)
    assert len(rows) == 20
    assert rows["a"].min() == table["a"].min()
    assert rows["a"].max() == table["a"].max()
    assert rows["b"].max() == table["b"].max()
    assert rows["a"].isna().any()
    assert golden.choose(table, rows=20, seed=1).equals(rows)
    assert len(golden.choose(table.head(3), rows=20, seed=1)) == 3
