"""A model's metrics with 95 % intervals, from its predictions, by the recipes in gates.yaml."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from headrace.compare import predictions
from headrace.core import metrics, yaml
from headrace.errors import DataError
from headrace.gates import reader as gatesfile
from headrace.gates.model import NAME, Gates, Predictions, matching
from headrace.stats import bootstrap
from headrace.stats.recipe import Recipe
from headrace.stats.scores import COST, Array, of

COLUMNS = ("metric", "value", "low", "high")


def table(root: Path, file: str) -> pd.DataFrame:
    """Return the numbers of a metrics file: metric, value, and low and high of a 95 % interval.

    An interval is there where gates.yaml says how the metric comes out of the predictions; it is
    drawn as `headrace diff` draws it. Where it cannot be told, low and high are missing.

    Errors:
        ProjectError, DataError: gates.yaml or the predictions cannot be read.
    """
    rules = gatesfile.parse(_read(root / NAME)) if (root / NAME).is_file() else Gates()
    try:
        content = json.loads(_read(root / file))
        numbers = {name: float(value) for name, value in metrics.leaves(content)}
    except (ValueError, TypeError, AttributeError):
        raise DataError(f"{file} holds no metrics. Next: dvc repro") from None
    spans = _intervals(root, rules, file, [*numbers]) if rules.predictions else {}
    nothing = (np.nan, np.nan)
    rows = [(name, value, *spans.get(name, nothing)) for name, value in numbers.items()]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror}. Next: dvc repro") from None


def _intervals(
    root: Path, rules: Gates, file: str, names: list[str]
) -> dict[str, tuple[float, float]]:
    spec = rules.predictions
    assert spec is not None
    recipes = dict(_recipes(rules, file, names))
    columns = [spec.label, spec.cluster, *(recipe.column for recipe in recipes.values())]
    judged = predictions.load(root / spec.file, spec.file, filter(None, columns))
    prices = _prices(spec, root)
    label = judged.numbers(spec.label)
    pairs = {
        name: (_nothing, of(recipe, label, judged.numbers(recipe.column), prices))
        for name, recipe in recipes.items()
        if recipe.score != COST or len(prices) == 2
    }
    clusters = judged.groups(spec.cluster)[0] if spec.cluster else None
    found = bootstrap.intervals(pairs, rows=judged.rows, clusters=clusters)
    return {name: (one.low, one.high) for name, one in found.items()}


def _recipes(rules: Gates, file: str, names: list[str]) -> Iterator[tuple[str, Recipe]]:
    for name in names:
        known = [gate.recipe for gate in matching(rules.metrics, file, name) if gate.recipe]
        if known:
            yield name, known[0]


def _prices(spec: Predictions, root: Path) -> dict[str, float]:
    content = yaml.read(root / "params.yaml")
    found = {name: yaml.lookup(content, dotted) for name, dotted in spec.prices.items()}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


def _nothing(weights: Array) -> Array:
    """Score nothing: the change from it is the score itself."""
    return np.zeros(len(weights))
