"""A model's metrics with 95 % intervals, from its predictions, by the recipes in gates.yaml."""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from headrace.compare import predictions
from headrace.core import metrics, param_files, pipeline
from headrace.errors import DataError, unreadable
from headrace.gates import reader
from headrace.gates.model import NAME, Gates, Predictions, matching
from headrace.stats import Recipe, bootstrap
from headrace.stats.scores import COST, score_function

COLUMNS = ("metric", "value", "low", "high")


def table(root: Path, file: str) -> pd.DataFrame:
    """Return the numbers of a metrics file: metric, value, and low and high of a 95 % interval.

    A metric has an interval, the one of `headrace diff`, where gates.yaml says how it is computed
    from the predictions. Elsewhere low and high are missing.

    Errors:
        ProjectError, DataError: gates.yaml or the predictions cannot be read.
    """
    gates = reader.parse(_read(root / NAME)) if (root / NAME).is_file() else Gates()
    try:
        content = metrics.parse(_read(root / file), file)
        values = {name: float(value) for name, value in metrics.leaves(content)}
    except (ValueError, TypeError, AttributeError):
        raise DataError(f"{file} holds no metrics. Next: dvc repro") from None
    spec, recipes = gates.predictions, _recipes(gates, file, values)
    intervals = _intervals(root, spec, recipes) if spec else {}
    missing = (np.nan, np.nan)
    rows = [(name, value, *intervals.get(name, missing)) for name, value in values.items()]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{unreadable(path.name, error)}. Next: dvc repro") from None


def _recipes(gates: Gates, file: str, names: Iterable[str]) -> dict[str, Recipe]:
    """Return the recipe of each metric that has one: that of its first gate."""
    return {
        name: gate.recipe
        for name in names
        for gate in reversed(matching(gates.metrics, file, name))  # the first one wins
        if gate.recipe
    }


def _intervals(
    root: Path, spec: Predictions, recipes: Mapping[str, Recipe]
) -> dict[str, tuple[float, float]]:
    columns = [spec.label, spec.cluster, *(recipe.column for recipe in recipes.values())]
    rows = predictions.load(root / spec.file, spec.file, filter(None, columns))
    prices = spec.price_values(param_files.main_file(partial(pipeline.read_file, root)))
    functions = {
        name: score_function(recipe, *rows.label_and_prediction(spec.label, recipe), prices)
        for name, recipe in recipes.items()
        if recipe.score != COST or len(prices) == 2  # a cost needs both of its prices
    }
    clusters = rows.groups(spec.cluster)[0] if spec.cluster else None
    intervals = bootstrap.score_intervals(functions, rows=rows.rows, clusters=clusters)
    return {name: (interval.low, interval.high) for name, interval in intervals.items()}
