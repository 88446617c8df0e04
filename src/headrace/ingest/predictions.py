"""What the model answered to a batch, kept with it: a later model is not asked in its place."""

import numpy as np
import pandas as pd

from headrace.bundle import load
from headrace.bundle.archive import MANIFEST, sha256
from headrace.bundle.golden import PREDICTION
from headrace.core.project import Project
from headrace.ingest.types import MODEL, POSITIVE
from headrace.schema.validate import validate

AT_ONCE = 100_000
"""Rows that are asked together, so that memory does not grow with the batch."""


def added(found: Project, table: pd.DataFrame) -> pd.DataFrame:
    """Return a batch with the answers of the study's bundle, where it came without any.

    `prediction` is missing of rows that break the contract, since these get no answer; `positive`
    is whether it reaches the threshold; `model` names the bundle by its manifest's hash.

    Errors:
        DataError: the bundle is missing, or is refused.
    """
    if PREDICTION in table:
        return table
    bundle = load.load(load.default_path(found))
    chances = np.full(len(table), np.nan)
    for first in range(0, len(table), AT_ONCE):
        inputs, reasons = validate(table.iloc[first : first + AT_ONCE], bundle.schema)
        fine = (reasons == "").to_numpy()
        if fine.any():
            chances[first + np.flatnonzero(fine)] = bundle.predict(inputs[fine])
    made = table.assign(**{PREDICTION: chances})
    if (threshold := bundle.facts.get("threshold")) is not None:
        reached = pd.array(chances >= threshold, dtype="boolean")
        reached[np.isnan(chances)] = pd.NA
        made[POSITIVE] = reached
    named = f"{bundle.name} {sha256(bundle.files[MANIFEST])[:8]}"
    return made.assign(**{MODEL: pd.Series(named, index=made.index).where(~np.isnan(chances))})
