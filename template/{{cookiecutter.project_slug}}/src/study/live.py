"""What comes in after the model was handed over, and what it is retrained on then."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from headrace.errors import DataError

from study import data, paths
from study.features import FEATURES, KEY

YEAR = 2013


def called(month: int) -> str:
    """Return what the batch of a month, 1 to 12, is called."""
    return f"{YEAR}-{month:02}"


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
    months = {called(number): number for number in range(1, 13)}
    if batch not in months:
        raise DataError(
            f"{batch} is no month of {YEAR}, and no other year is collected. Next: name one such as"
            f" {YEAR}-10; or have 01_collect and src/study/live.py read more"
        )
    return months[batch]


def window(batch: str, retrain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters by which a challenger is judged on a batch that it has not seen.

    It learns from the months up to two before, and its threshold is chosen on the month between:
    from the first month on where the window is "expanding", from the last few where "sliding".

    Errors:
        DataError: there are no months before it to learn from.
    """
    judged = month(batch)
    if judged < 3:
        raise DataError(
            f"{batch} has too few months before it: one to learn, and one for the threshold."
            f" Next: name a batch from {called(3)} on"
        )
    first = 1 if retrain["window"] == "expanding" else judged - 1 - retrain["window_months"]
    return {
        "train.fit_months": [*range(max(1, first), judged - 1)],
        "train.threshold_month": judged - 1,
        "evaluate.evaluate_month": judged,
    }


def seen(parameters: Mapping[str, Any]) -> list[str]:
    """Return the batches that a model has seen: those it learned, and the one of its threshold.

    `parameters` are those it was made with, by the names that `window` gives.
    """
    months = {*parameters["train.fit_months"], parameters["train.threshold_month"]}
    return [called(month) for month in sorted(months)]
