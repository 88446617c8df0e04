"""From a table to a study that runs, tests itself and passes CI, as a new user makes it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from lab import bake

TABLES = ("iris", "wine", "breast_cancer", "digits", "diabetes", "customers", "load")
pytestmark = pytest.mark.long


def _toy(name: str, folder: Path) -> list[str]:
    """Write one of scikit-learn's toy sets; classes by their names."""
    loaded = getattr(datasets, f"load_{name}")(as_frame=True)
    frame = loaded.frame
    if "target_names" in loaded and name != "digits":
        frame = frame.assign(target=[str(loaded.target_names[kind]) for kind in loaded.target])
    frame.to_csv(folder / f"{name}.csv", index=False)
    return [f"{name}.csv", "--target", "target"]


def _customers(folder: Path) -> list[str]:
    """Write a table with text, dates, gaps, an id, a constant, a leak and columns of noise."""
    random, rows = np.random.default_rng(0), 3000
    frame = pd.DataFrame({f"noise {n}": random.normal(size=rows) for n in range(6)})
    frame["customer id"] = [f"C{row:05}" for row in range(rows)]
    frame["signup"] = pd.to_datetime("2024-01-01") + pd.to_timedelta(
        random.integers(0, 700, rows), "D"
    )
    frame["plan"] = random.choice(["basic", "plus", 'o\'neil "x"'], rows, p=[0.5, 0.3, 0.2])
    spend = random.gamma(3, 20, rows).round(2)
    frame["monthly spend"] = np.where(random.random(rows) < 0.1, np.nan, spend)
    frame["age"] = random.integers(18, 90, rows)
    words = ["good", "bad", "slow", "fast", "never", "again"]
    frame["comment"] = [f"the customer said {' '.join(random.choice(words, 8))}" for _ in spend]
    frame["country"] = "NL"
    odds = (spend - 60) / 40 + (frame["plan"] == "basic") - (frame["age"] - 50) / 40
    churned = random.random(rows) < 1 / (1 + np.exp(-odds))
    frame["churned"] = np.where(churned, "yes", "no")
    frame["churn code"] = np.where(churned, 7, 3)
    frame.to_csv(folder / "customers.csv", index=False, sep=";", decimal=",")
    return ["customers.csv", "--target", "churned", "--key", "customer id"]


def _load(folder: Path) -> list[str]:
    """Write a series by days."""
    random, rows = np.random.default_rng(1), 1200
    days = pd.date_range("2023-01-01", periods=rows)
    season = np.sin(np.arange(rows) / 58)
    load = 500 + 100 * season + 40 * (days.day_of_week < 5) + random.normal(0, 10, rows)
    columns = {
        "day": days.strftime("%d.%m.%Y"),
        "load MW": load.round(1),
        "temperature": (12 + 10 * season + random.normal(0, 2, rows)).round(1),
        "holiday": random.random(rows) < 0.03,
    }
    pd.DataFrame(columns).to_csv(folder / "load.csv", index=False)
    return ["load.csv", "--target", "load MW", "--time", "day"]


@pytest.mark.parametrize("name", TABLES)
def test_a_table_becomes_a_study_that_passes_ci_without_an_edit(name: str, tmp_path: Path) -> None:
    own = {"customers": _customers, "load": _load}
    table, *answers = own[name](tmp_path) if name in own else _toy(name, tmp_path)
    study = bake.bake(tmp_path, start="blank", project_slug="study")
    bake.commit(study)
    env = bake.user_environment(study)
    env |= {
        f"GIT_{who}_{part}": "a" for who in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")
    }
    bake.run(study, "make", "setup", env=env)
    bake.run(study, "headrace", "init", str(tmp_path / table), *answers, env=env)
    bake.run(study, "make", "repro", env=env)
    bake.commit(study, "Start from a table")
    bake.run(study, "make", "ci", env=env)
    assert bake.run(study, "git", "status", "--porcelain", env=env).stdout == ""
