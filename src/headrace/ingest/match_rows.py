"""Rows of two tables of one batch, found by what tells them apart."""

import numpy as np
import pandas as pd

from headrace.errors import DataError
from headrace.gates.model import Predictions
from headrace.ingest import batch
from headrace.ingest.types import REQUEST
from headrace.schema import infer


def shared(known: pd.DataFrame, told: pd.DataFrame, spec: Predictions) -> list[str]:
    """Return the columns that tell rows apart in both tables: request and row, or the key.

    The key of rows that a server answered comes with their truth, so a batch may have it in part
    only; then it tells nothing apart.

    Errors:
        DataError: they share none, or one that the batch has in part only.
    """
    both = _both(known, told, spec)
    for names in both:
        if _are_whole(known, names):
            return names
    request, key = " and ".join(REQUEST), ", ".join(spec.key)
    if both:
        lacking = int(known[both[0]].isna().any(axis=1).sum())
        raise DataError(
            f"{lacking:,} rows of the batch lack {' or '.join(both[0])}. Next: name its rows by"
            f" {request if {*REQUEST} <= {*known.columns} else key}"
        )
    raise DataError(
        f"The batch and the file share neither {key} nor {request}."
        " Next: add the columns by which its rows are known"
    )


def again(made: pd.DataFrame, old: pd.DataFrame, spec: Predictions) -> pd.Series:
    """Return for each row of a batch which row of an older one it is; see `places`.

    Rows that cannot be found again, since the two share nothing, are not the same.
    """
    nowhere = pd.Series(-1, index=made.index)
    by = next((names for names in _both(made, old, spec) if _are_whole(made, names)), None)
    if by is None:
        return nowhere
    whole = np.flatnonzero(old[by].notna().all(axis=1))
    try:
        found = places(made, old.iloc[whole], by)
    except DataError:  # the old one's are of another type
        return nowhere
    return pd.Series(np.append(whole, -1)[found], index=made.index)  # -1 is its last


def _both(known: pd.DataFrame, told: pd.DataFrame, spec: Predictions) -> list[list[str]]:
    there = {*known.columns} & {*told.columns}
    return [[*names] for names in (REQUEST, spec.key) if {*names} <= there]


def _are_whole(known: pd.DataFrame, names: list[str]) -> bool:
    return not known[names].isna().any(axis=None)


def places(known: pd.DataFrame, told: pd.DataFrame, by: list[str]) -> pd.Series:
    """Return for each known row which row of the other table it is, from 0; -1 where none is.

    Errors:
        DataError: a row of the other table cannot be told apart, or not by values of these types.
    """
    read = {REQUEST[0]: infer.text}  # though all of them may happen to be digits
    left = pd.DataFrame({name: read.get(name, infer.infer)(known[name]) for name in by})
    right = pd.DataFrame({name: infer.convert_like(told[name], left[name]) for name in by})
    batch.refuse_twice(right, by)
    right = right.assign(place=np.arange(len(right)))
    found = left.merge(right, on=by, how="left")["place"].fillna(-1).astype("int64")
    return found.set_axis(known.index)


def taken(told: pd.DataFrame, found: pd.Series) -> pd.DataFrame:
    """Return the rows at these places, missing where there is none, by the index of `found`."""
    whole = told.reset_index(drop=True)
    return whole.reindex(found.to_numpy()).set_axis(found.index)
