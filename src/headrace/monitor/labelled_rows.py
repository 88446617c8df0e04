"""A batch's predictions beside the truth, gathered part by part in memory that does not grow."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from headrace.errors import DataError

MANY = 100_000
"""Rows that are kept one by one; of more, those that are alike are joined."""
LEVELS = 1000
"""Chances are then rounded to so many levels, from 0 to 1."""
ALIKE = ["cluster", "label", "warned", "probability"]


class Cases:
    """The rows whose truth and prediction are known.

    Once there are MANY, chances are rounded, and rows of one cluster with the same truth, warning
    and chance count as one. Rounding moves areas under curves by some 0.0001, far below what their
    intervals say.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.known = 0
        """Rows whose truth is known."""
        self._parts: list[pd.DataFrame] = []
        self._kept, self._most = 0, MANY

    def add(
        self,
        label: pd.Series | None,
        probability: npt.ArrayLike,
        warned: npt.ArrayLike,
        clusters: pd.Series,
    ) -> None:
        """Add some rows; a cluster that is a time counts by its day. See `performance.of`.

        Errors:
            DataError: the columns are not of one length, or the label is neither true nor false.
        """
        chance = np.asarray(probability, dtype="float64")
        truth = np.full(len(chance), np.nan) if label is None else _truth(label)
        said = np.asarray(warned).astype("float64")
        if len({len(truth), len(chance), len(said), len(clusters)}) > 1:
            raise DataError(
                f"{len(truth):,} labels, {len(chance):,} predictions, {len(said):,} warnings and"
                f" {len(clusters):,} clusters are not of the same rows. Next: take one table's"
            )
        told = ~np.isnan(truth)
        kept = told & np.isfinite(chance)
        part = {"label": truth, "warned": said, "probability": chance, "rows": 1.0}
        self._keep(pd.DataFrame(part).assign(cluster=_days(clusters).to_numpy())[kept])
        self.rows, self.known = self.rows + len(truth), self.known + int(told.sum())

    def _keep(self, part: pd.DataFrame) -> None:
        self._parts.append(part)
        self._kept += len(part)
        if self._kept > self._most:
            self._parts = [joined(pd.concat(self._parts))]
            self._kept = len(self._parts[0])
            self._most = max(MANY, 2 * self._kept)  # so that joining stays linear in the rows

    def table(self) -> pd.DataFrame:
        """Return label, warned, probability, rows (that it stands for) and cluster (from 0)."""
        whole = pd.concat(self._parts, ignore_index=True)
        return whole.assign(cluster=pd.factorize(whole["cluster"], use_na_sentinel=False)[0])


def joined(table: pd.DataFrame) -> pd.DataFrame:
    """Join rows that are alike."""
    near = table.assign(probability=np.round(table["probability"] * LEVELS) / LEVELS)
    return near.groupby(ALIKE, as_index=False, dropna=False)[["rows"]].sum()


def _truth(label: pd.Series) -> npt.NDArray[np.float64]:
    """Return 1, 0 or NaN, where the truth is not known.

    Errors:
        DataError: a label is another value.
    """
    truth = pd.to_numeric(label, errors="coerce").to_numpy("float64", na_value=np.nan)
    wrong = label.notna().to_numpy() & ~np.isin(truth, [0, 1])
    if wrong.any():
        example = label[wrong].tolist()[0]
        raise DataError(
            f"The label {label.name} is {example!r}, neither true nor false, in {wrong.sum():,}"
            " rows. Next: write true, false, or nothing where the truth is not known"
        )
    return truth


def _days(clusters: pd.Series) -> pd.Series:
    return clusters.dt.floor("D") if hasattr(clusters, "dt") else clusters
