"""What is built of the raw table, and that the judges stay apart."""

import pandas as pd

from study import features


def test_every_feature_is_there(table: pd.DataFrame) -> None:
    assert {*features.FEATURES} <= {*table.columns}


def test_the_same_seed_keeps_the_same_rows(table: pd.DataFrame) -> None:
    first, second = (features.thin(table, fraction=0.5, seed=1) for _ in range(2))
    assert first.equals(second)
    assert len(first) == round(len(table) / 2)


def test_the_target_is_no_feature() -> None:
    assert features.TARGET not in features.FEATURES
    assert features.LABEL not in features.FEATURES


def test_the_rows_that_judge_are_the_same_each_time(table: pd.DataFrame) -> None:
    first, second = (features.split(table, test_share=0.25, seed=1) for _ in range(2))
    assert first.equals(second)
    assert 0 < first.sum() < len(table)


def test_no_class_is_judged_that_was_not_learned(table: pd.DataFrame) -> None:
    test = features.split(table, test_share=0.25, seed=0)
    assert {*table.loc[test, features.LABEL]} <= {*table.loc[~test, features.LABEL]}


def test_a_category_never_seen_and_a_gap_are_no_error(table: pd.DataFrame) -> None:
    known = features.transformer().fit(table[features.FEATURES])
    other = table[features.FEATURES].head(2).copy()
    other[features.CATEGORIES] = "never seen"
    other[features.NUMBERS] = float("nan")
    assert known.transform(other).shape == known.transform(table[features.FEATURES].head(2)).shape
