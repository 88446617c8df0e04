"""A batch held against the bundle that answered it, a part at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from headrace.bundle.golden import PREDICTION
from headrace.bundle.load import Bundle
from headrace.errors import DataError
from headrace.gates.model import Predictions
from headrace.monitor import drift, performance
from headrace.monitor.baseline import Baseline
from headrace.monitor.counts import Counts
from headrace.monitor.estimate import Chances
from headrace.monitor.labelled_rows import Cases
from headrace.monitor.predictions import Answers
from headrace.monitor.quality import Tally

WARNED = "warned"
AGAIN = "Next: headrace ingest FILE --replace"
OTHERS = "Another model answered these rows, so its answers are not held against this one's"


@dataclass(frozen=True)
class Watched:
    """What is known of a batch; where it could not be judged, that, and why."""

    figures: dict[str, Any] = field(default_factory=lambda: {"rows": 0, "quality": {"judged": 0}})
    """As metrics/monitor.json holds them: rows, quality, drift, performance, estimate."""
    quality: pd.DataFrame = field(default_factory=pd.DataFrame)
    drift: pd.DataFrame = field(default_factory=pd.DataFrame)
    known: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Rows whose truth is known: cluster, texts of the inputs, label, `prediction`, `warned`."""
    says: tuple[str, ...] = ()
    """What there is to say beside the figures."""

    def has(self, column: str) -> bool:
        """Tell whether there are rows whose truth is known, and which have this column."""
        return len(self.known) > 0 and column in self.known


class Stream:
    """Gathers what is known of a batch; only rows whose truth is known take up memory."""

    def __init__(self, bundle: Bundle, held: Baseline, spec: Predictions) -> None:
        self._spec = spec
        self._tally, self._counts = Tally(bundle.schema, held), Counts(held)
        self._answers, self._cases, self._chances = Answers(bundle), Cases(), Chances()
        self._known: list[pa.Table] = []
        self._rows = 0

    def add(self, rows: pd.DataFrame) -> None:
        """Add some rows: those that keep the contract, with what was answered, or would have been.

        Errors:
            DataError: a column is not there, or a prediction is outside 0 to 1.
        """
        inputs, fine = self._tally.add(rows)
        self._rows += len(rows)
        inputs, answered = inputs[fine], rows[fine]
        if not len(answered):
            return
        chances, warned = self._answers.of(answered, inputs)
        truth = answered.get(self._spec.label, pd.Series(pd.NA, index=answered.index))
        truth = truth.astype("boolean")
        self._counts.add(inputs, None if self._answers.ours is False else chances)
        self._chances.add(chances, warned)
        self._cases.add(truth, chances, warned, self._clusters(answered))
        texts: pd.DataFrame = inputs.select_dtypes("str")
        beside = [one for one in (self._spec.cluster,) if one in answered]
        known = texts.assign(**{PREDICTION: chances, WARNED: warned})
        known[[*beside, self._spec.label]] = answered[beside].assign(truth=truth)
        known = known[truth.notna()].astype({self._spec.label: "bool"})
        self._known.append(pa.Table.from_pandas(known, preserve_index=False))

    def _clusters(self, answered: pd.DataFrame) -> pd.Series:
        """Return what rows share that are drawn together; each row alone where it is not known."""
        first = self._rows - len(answered)
        alone = pd.Series(np.arange(first, self._rows), index=answered.index)
        return answered.get(self._spec.cluster, alone)

    def watched(self, prices: Mapping[str, float]) -> Watched:
        """Return what came of all rows; `prices` are of a `missed` one and of a `false_alarm`.

        Where no row keeps the contract, that is what there is to tell.

        Errors:
            DataError: there were no rows.
        """
        if not self._rows:
            raise DataError(f"There are no rows. {AGAIN}")
        figures = {"rows": self._rows, "quality": {"judged": 1, **self._tally.figures()}}
        if not self._known:
            none = f"No row keeps the contract, so nothing else is told. {AGAIN}"
            return Watched(figures, self._tally.table(), says=(none,))
        moved, scored = drift.table(self._counts), performance.scored(self._cases, prices)
        figures |= {
            "drift": drift.figures(moved),
            "performance": scored.figures,
            "estimate": self._chances.figures(prices),
        }
        joined = pa.concat_tables(self._known)
        self._known.clear()  # so that no row is held twice
        known = joined.to_pandas(split_blocks=True, self_destruct=True)
        notes = [OTHERS, *scored.says] if self._answers.ours is False else scored.says
        return Watched(figures, self._tally.table(), moved, known, tuple(notes))
