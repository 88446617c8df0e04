"""The two models, and their files."""

from pathlib import Path

import pandas as pd

from study import data, model

SIZE = {
    "C": 1.0,
}


def test_the_same_seed_gives_the_same_file(table: pd.DataFrame, tmp_path: Path) -> None:
    for name in ("one", "two"):
        data.write_model(model.fit(table, **SIZE), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_model_read_back_answers_the_same(table: pd.DataFrame, tmp_path: Path) -> None:
    for fitted in (model.fit(table, **SIZE), model.fit_naive(table)):
        data.write_model(fitted, tmp_path / "model.skops")
        loaded = data.read_model(tmp_path / "model.skops", trusted=model.TRUSTED_TYPES)
        assert (model.probability(loaded, table) == model.probability(fitted, table)).all()
