"""Whether a batch is as it must be: breaches of the contract, missing and unseen values, volume."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from headrace.errors import DataError
from headrace.monitor.baseline import Baseline, Category
from headrace.monitor.counts import Categories
from headrace.schema import coerce, validate

Mask = npt.NDArray[np.bool_]
COLUMNS = ("column", "rule", "rows", "share", "before")
MISSING, UNSEEN = "missing", "never seen before"


@dataclass(frozen=True)
class Quality:
    """A batch held against its contract.

    `figures` is the block `quality` of metrics/monitor.json. `table` has a row for each column and
    rule of the contract that is broken (`rule` says how), for each column that may miss values and
    does or did, and for each with values that the model has not seen: rows, their share, and the
    share `before`, where the model learned (0 of a breach: it learned from none).
    """

    figures: dict[str, float]
    table: pd.DataFrame
    inputs: pd.DataFrame
    """In their types; of refused rows they mean nothing."""
    fine: Mask
    """Which rows keep the contract."""


def of(batch: pd.DataFrame, schema: Mapping[str, Any], baseline: Baseline) -> Quality:
    """Hold a batch against its contract and the baseline.

    Errors:
        DataError: the batch has no rows, or lacks a column, which is named.
    """
    tally = Tally(schema, baseline)
    inputs, fine = tally.add(batch)
    return Quality(tally.figures(), tally.table(), inputs, fine)


class Tally:
    """Counts what is wrong with a batch, a part at a time."""

    def __init__(self, schema: Mapping[str, Any], baseline: Baseline) -> None:
        self._schema, self._baseline = schema, baseline
        self._rows = self._refused = self._unseen = 0
        self._broken: dict[tuple[str, str], int] = {}
        self._missing = dict.fromkeys(schema["properties"], 0)
        self._texts = {
            name: Categories(column)
            for name, column in baseline.columns.items()
            if isinstance(column, Category)
        }

    def add(self, batch: pd.DataFrame) -> tuple[pd.DataFrame, Mask]:
        """Count some rows; return their inputs in their types, and which keep the contract.

        Errors:
            DataError: a column is not there; the nearest name is shown.
        """
        refused, unseen = np.zeros(len(batch), bool), np.zeros(len(batch), bool)
        inputs: dict[str, pd.Series] = {}
        for name, typed, found in validate.validate_columns(batch, self._schema):
            inputs[name] = typed
            self._missing[name] += int(coerce.is_empty(batch[name]).sum())
            for wrong, why in found:
                refused |= wrong
                self._count(name, why, int(wrong.sum()))
            if name in self._texts:
                unseen |= self._texts[name].add(typed)
        self._rows += len(batch)
        self._refused += int(refused.sum())
        self._unseen += int(unseen.sum())
        return pd.DataFrame(inputs, index=batch.index), ~refused

    def _count(self, name: str, why: str, rows: int) -> None:
        if rows:
            self._broken[name, why] = self._broken.get((name, why), 0) + rows

    def figures(self) -> dict[str, float]:
        """Return the block `quality` of metrics/monitor.json.

        Of rows are the shares that are refused and that hold an unseen value, of all values the one
        that is missing; `volume_ratio` is the rows over those that a batch is expected to have.

        Errors:
            DataError: the batch has no rows.
        """
        if not self._rows:
            raise DataError("The batch has no rows. Next: see what wrote it")
        values = self._rows * len(self._missing)
        return {
            "refused_share": self._refused / self._rows,
            "missing_share": sum(self._missing.values()) / values,
            "unseen_share": self._unseen / self._rows,
            "volume_ratio": self._rows / self._baseline.volume,
        }

    def table(self) -> pd.DataFrame:
        """Return what was found per column and rule; see `Quality`."""
        rows = [(*place, count, 0.0) for place, count in self._broken.items()]
        for name, count in self._missing.items():
            before = self._baseline.columns[name].missing_share
            told = (name, validate.MISSING) in self._broken or not (count or before)
            rows += [] if told else [(name, MISSING, count, before)]
        for name, texts in self._texts.items():
            seen = ", ".join(texts.examples)
            rows += (
                [(name, f"{UNSEEN}: {seen}", int(texts.others), 0.0)] if texts.unseen > 0 else []
            )
        found = pd.DataFrame(rows, columns=["column", "rule", "rows", "before"])
        return found.assign(share=found["rows"] / max(self._rows, 1))[list(COLUMNS)]
