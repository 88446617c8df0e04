"""The model that answers requests, which another may replace while requests are under way."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headrace.bundle import golden
from headrace.bundle.load import Bundle, load
from headrace.errors import HeadraceError
from headrace.schema.row_reader import Reader, Values

PROBABILITY = tuple(tenth / 10 for tenth in range(11))
ROUNDING = 1e-9
MOST_ROWS = 10_000
"""Rows of one request."""


@dataclass(frozen=True)
class Champion:
    """A bundle that answers, with the reader of its requests; never changed, only replaced."""

    bundle: Bundle
    label: str
    reader: Reader
    schema: dict[str, Any]
    threshold: float | None
    log_name: str
    """Its name in the log of predictions: the label, with a hash if that is only a file's name."""
    categories: dict[str, frozenset[str]]
    """The texts of each input that the model learned from, where all of them are known."""
    tenths: tuple[float, ...] = PROBABILITY
    """Where the tenths of the predictions end that are counted: 11 numbers, rising."""

    @classmethod
    def from_bundle(cls, bundle: Bundle, label: str) -> "Champion":
        """Return a loaded bundle, ready to answer."""
        reader = Reader(bundle.schema, MOST_ROWS, bundle.example)
        threshold = bundle.facts.get("threshold")
        log_name = bundle.hashed_name if label == bundle.name else label
        tenths = PROBABILITY if threshold is not None else _tenths(bundle)
        categories = _categories(bundle)
        return cls(bundle, label, reader, bundle.schema, threshold, log_name, categories, tenths)

    def answer(self, rows: Sequence[Values]) -> list[dict[str, Any]]:
        """Return for each row its prediction, and whether it reaches the threshold.

        A row holds its values in the schema's order. Without a threshold there is no `positive`.
        """
        inputs = golden.columns(zip(*rows, strict=True), self.schema)
        predictions = self.bundle.predict(inputs).tolist()
        if self.threshold is None:
            return [{"prediction": value} for value in predictions]
        return [{"prediction": value, "positive": value >= self.threshold} for value in predictions]


def _tenths(bundle: Bundle) -> tuple[float, ...]:
    """Return the deciles of the predictions for the evaluation rows, their ends among them."""
    seen = bundle.baseline[golden.PREDICTION]
    shares = np.cumsum(seen["counts"]) / sum(seen["counts"])
    places = np.searchsorted(shares, np.linspace(0, 1, 11) - ROUNDING).clip(max=len(shares) - 1)
    return tuple(float(seen["values"][place]) for place in places)


def _categories(bundle: Bundle) -> dict[str, frozenset[str]]:
    columns = bundle.baseline["columns"].items()
    return {
        name: frozenset(column["counts"]) for name, column in columns if column.get("others") == 0
    }


def load_champion(path: Path, label: str = "") -> Champion:
    """Load a bundle's file, with the code in it; see `headrace.bundle.load.load`."""
    return Champion.from_bundle(load(path), label or path.name)


class Service:
    """Holds the champion; `load` returns a new one, or the same again."""

    def __init__(self, load: Callable[[], Champion], count: Callable[[str], None]) -> None:
        """Load the first; `count` gets the problem of each reload, or an empty text.

        Errors:
            HeadraceError: the first is refused.
        """
        self._load, self._count = load, count
        self._loading = threading.Lock()
        self.champion = load()
        self.problem = ""
        """Why the last reload failed; empty where it did not."""

    def reload(self) -> str:
        """Load the bundle again and let it answer; return why that failed, or an empty text.

        The old one answers meanwhile, and also afterwards where the new one is refused.
        """
        with self._loading:  # two signals at once would put the older bundle last
            try:
                self.champion = self._load()
                self.problem = ""
            except HeadraceError as error:
                self.problem = str(error)
            self._count(self.problem)
            return self.problem
