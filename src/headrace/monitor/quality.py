"""Quality of a batch: violations of the contract, missing and unseen values, volume."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from headrace.bundle.baseline import Baseline, Category
from headrace.errors import DataError
from headrace.monitor.histograms import CategoryHistogram
from headrace.schema import coerce, validate

Mask = npt.NDArray[np.bool_]
COLUMNS = ("column", "rule", "rows", "share", "before")
MISSING, UNSEEN = "missing", "never seen before"


class QualityCounts:
    """Counts violations, missing and unseen values of a batch, a part at a time."""

    def __init__(self, schema: Mapping[str, Any], baseline: Baseline) -> None:
        self._schema, self._baseline = schema, baseline
        self._rows = self._invalid = self._unseen = 0
        self._violations = Counter[tuple[str, str]]()
        self._missing = dict.fromkeys(schema["properties"], 0)
        self._texts = {
            name: CategoryHistogram(column)
            for name, column in baseline.columns.items()
            if isinstance(column, Category)
        }

    def add(self, batch: pd.DataFrame) -> tuple[pd.DataFrame, Mask]:
        """Count some rows; return their inputs in their types, and which keep the contract.

        The inputs are undefined in rows that violate the contract.

        Errors:
            DataError: a column is missing; the nearest name is shown.
        """
        invalid, unseen = np.zeros(len(batch), bool), np.zeros(len(batch), bool)
        inputs: dict[str, pd.Series] = {}
        for name, values, violations in validate.validate_columns(batch, self._schema):
            inputs[name] = values
            self._missing[name] += int(coerce.is_empty(batch[name]).sum())
            # A row may violate several rules, and counts once among the invalid ones.
            for mask, rule in violations:
                invalid |= mask
                if mask.any():
                    self._violations[name, rule] += int(mask.sum())
            if name in self._texts:
                unseen |= self._texts[name].add(values)
        self._rows += len(batch)
        self._invalid += int(invalid.sum())
        self._unseen += int(unseen.sum())
        return pd.DataFrame(inputs, index=batch.index), ~invalid

    def figures(self) -> dict[str, float]:
        """Return the block `quality` of metrics/monitor.json.

        `refused_share` and `unseen_share` are shares of the rows, `missing_share` is one of all
        values; `volume_ratio` is the rows divided by those that a batch is expected to have.

        Errors:
            DataError: the batch has no rows.
        """
        if not self._rows:
            raise DataError("The batch has no rows. Next: see what wrote it")
        values = self._rows * len(self._missing)
        return {
            "refused_share": self._invalid / self._rows,
            "missing_share": sum(self._missing.values()) / values,
            "unseen_share": self._unseen / self._rows,
            "volume_ratio": self._rows / self._baseline.volume,
        }

    def table(self) -> pd.DataFrame:
        """Return the violations, missing and unseen values, with the columns COLUMNS.

        A row is for each rule of the contract that a column violates, each optional column with
        missing values now or before, and each column with values that the model has not seen:
        `rows`, their `share`, and the share `before`, in the rows that the model learned from (0 of
        a violation).
        """
        rows = [(*place, count, 0.0) for place, count in self._violations.items()]
        for name, count in self._missing.items():
            before = self._baseline.columns[name].missing_share
            if (count or before) and (name, validate.MISSING) not in self._violations:
                rows.append((name, MISSING, count, before))
        for name, texts in self._texts.items():
            if texts.unseen > 0:
                rule = f"{UNSEEN}: {', '.join(texts.examples)}"
                rows.append((name, rule, int(texts.unlisted), 0.0))
        table = pd.DataFrame(rows, columns=["column", "rule", "rows", "before"])
        return table.assign(share=table["rows"] / max(self._rows, 1))[list(COLUMNS)]
