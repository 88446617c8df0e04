"""What comes in after the model was handed over, and what it is retrained on then."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from headrace.errors import DataError
from study import data, paths
from study.features import FEATURES, KEY

YEAR = 2013
PLAYED = [f"{YEAR}-{month:02}" for month in range(9, 13)]
"""What `headrace live` plays, in order."""


def arrivals(batch: str) -> pd.DataFrame:
    """Return a month's flights as they come in: key, inputs, and whether each was late.

    In this example a batch is one of the year's later months, called 2013-10; in yours it is a file
    that somebody sends.

    Errors:
        DataError: it is no month of the year that was collected.
    """
    columns = [*dict.fromkeys([*KEY, *FEATURES, "late"])]
    return data.read(paths.features, months=[month(batch)])[columns]


def month(batch: str) -> int:
    """Return the month, 1 to 12, that a batch is called after.

    Errors:
        DataError: it is called otherwise.
    """
    year, _, number = batch.partition("-")
    if year != str(YEAR) or not number.isdigit() or not 1 <= int(number) <= 12:
        raise DataError(f"{batch} is no month of {YEAR}. Next: name one such as {YEAR}-10")
    return int(number)


def window(batch: str, retrain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters by which a challenger is judged on a batch that it has not seen.

    It learns from the months up to two before, and its threshold is chosen on the month between:
    from the first month on where the window is "expanding", from the last few where "sliding".

    Errors:
        DataError: there are no months before it to learn from.
    """
    judged = month(batch)
    first = 1 if retrain["window"] == "expanding" else judged - 1 - retrain["window_months"]
    if judged < 3 or first < 1:
        raise DataError(f"{batch} has too few months before it. Next: see retrain in params.yaml")
    return {
        "train.fit_months": [*range(first, judged - 1)],
        "train.threshold_month": judged - 1,
        "evaluate.evaluate_month": judged,
    }
