"""False alarms of drift in quiet batches, and the batches until a planted drift is detected.

Real flights of one month, split in two at random: the baseline is made of one half, and batches are
drawn from the other, quiet or with a drift of known size. `python -m lab.alarms` prints the tables.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from headrace.bundle import baseline, load
from headrace.bundle.baseline import Baseline
from headrace.bundle.golden import PREDICTION
from headrace.core import yaml
from headrace.gates import reader
from headrace.gates.live import Level, Rule, RuleState, evaluate
from headrace.monitor import drift, performance
from headrace.monitor.histograms import Histograms
from headrace.monitor.performance import LabelledRows
from headrace.monitor.quality import QualityCounts
from lab import bake

SIZES = {500: 1_000, 2_000: 1_000, 27_000: 200}
"""Rows of a batch, and the number of quiet batches: a large one takes a second to score."""
SPLITS = 20
"""Random splits of the month."""
MAX_WAIT = 12
"""Batches in which a drift must be detected."""
MONTH, CLOCK, LABEL, CLUSTER = 9, "departure_minute", "late", "time_hour"

Plant = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


def _shift(rows: pd.DataFrame, rng: np.random.Generator, column: str, by: float) -> pd.DataFrame:
    return rows.assign(**{column: rows[column] + by})


def _scale(rows: pd.DataFrame, rng: np.random.Generator, by: float) -> pd.DataFrame:
    return rows.assign(**{PREDICTION: np.minimum(rows[PREDICTION] * by, 1.0)})


def _double(rows: pd.DataFrame, rng: np.random.Generator, column: str, value: str) -> pd.DataFrame:
    """Resample the rows; those with a value are twice as likely as before."""
    has_value = (rows[column] == value).to_numpy()
    share = has_value.mean()
    weights = np.where(has_value, 2.0, (1 - 2 * share) / (1 - share))
    places = rng.choice(len(rows), len(rows), p=weights / weights.sum())
    return rows.iloc[places].reset_index(drop=True)


def _drop(rows: pd.DataFrame, rng: np.random.Generator, column: str, share: float) -> pd.DataFrame:
    return rows.assign(**{column: rows[column].mask(rng.random(len(rows)) < share)})


def _replace(
    rows: pd.DataFrame, rng: np.random.Generator, column: str, share: float
) -> pd.DataFrame:
    return rows.assign(**{column: rows[column].mask(rng.random(len(rows)) < share, "new")})


PLANTED: dict[str, tuple[str, Plant]] = {
    "temperature + 1 °F": ("temp", partial(_shift, column="temp", by=1.0)),
    "temperature + 3 °F": ("temp", partial(_shift, column="temp", by=3.0)),
    "temperature + 5 °F": ("temp", partial(_shift, column="temp", by=5.0)),
    "departures 1 hour later": (CLOCK, partial(_shift, column=CLOCK, by=60)),
    "departures 3 hours later": (CLOCK, partial(_shift, column=CLOCK, by=180)),
    "share of carrier AA doubled": (
        "carrier",
        partial(_double, column="carrier", value="AA"),
    ),
    "share of carrier UA doubled": (
        "carrier",
        partial(_double, column="carrier", value="UA"),
    ),
    "5 % of carriers never seen": (
        "carrier",
        partial(_replace, column="carrier", share=0.05),
    ),
    "temperature missing in 10 %": ("temp", partial(_drop, column="temp", share=0.10)),
    "predictions times 1.1": (PREDICTION, partial(_scale, by=1.1)),
    "predictions times 1.3": (PREDICTION, partial(_scale, by=1.3)),
    "predictions times 1.5": (PREDICTION, partial(_scale, by=1.5)),
}
"""Drifts, each with the column that moves."""


@dataclass(frozen=True)
class Month:
    """The evaluated month of a study, and what its batches are evaluated with."""

    rows: pd.DataFrame
    """Inputs, `prediction`, the label, and the time by which whole days are drawn."""
    schema: dict[str, Any]
    threshold: float
    prices: dict[str, float]
    rules: tuple[Rule, ...]
    """The live rules of gates.yaml of level act."""


def month(study: Path) -> Month:
    """Return the evaluated month of a study that ran."""
    table = pd.read_parquet(study / "data/features.parquet")
    table = table[table["month"] == MONTH].reset_index(drop=True)
    chances = pd.read_parquet(study / "data/predictions.parquet")["model"].to_numpy()
    files, _ = load.read_files(study / "models/bundle.tar")
    schema: dict[str, Any] = json.loads(files["schema.json"])
    rows = table[[*schema["properties"], LABEL, CLUSTER]].assign(**{PREDICTION: chances})
    problem = yaml.read(study / "params.yaml")["problem"]
    prices = {name: float(problem[f"price_{name}"]) for name in ("missed", "false_alarm")}
    live = reader.parse((study / "gates.yaml").read_bytes()).live
    act = tuple(rule for rule in live if rule.level is Level.ACT)
    return Month(rows, schema, json.loads(files["facts.json"])["threshold"], prices, act)


def split(month: Month, size: int, rng: np.random.Generator) -> tuple[Baseline, pd.DataFrame]:
    """Return the baseline of one half of a month, drawn at random, and the other half.

    By the baseline a batch is expected to have `size` rows, or as many as the half has.
    """
    halves = np.array_split(rng.permutation(len(month.rows)), 2)
    learned, live = (month.rows.iloc[half].reset_index(drop=True) for half in halves)
    columns, periods = [*month.schema["properties"]], max(1, round(len(learned) / size))
    content = baseline.describe(learned[columns], predictions=learned[PREDICTION], periods=periods)
    return baseline.parse(content, month.schema, "half a month"), live


def measure(rows: pd.DataFrame, learned: Baseline) -> pd.DataFrame:
    """Return the drift of some rows, by feature."""
    counts = Histograms(learned)
    counts.add(rows[[*learned.columns]], rows[PREDICTION])
    return drift.table(counts).set_index("feature")


def figures(month: Month, rows: pd.DataFrame, learned: Baseline) -> dict[str, Any]:
    """Return some rows' content of metrics/monitor.json, without groups and estimate."""
    quality, labelled = QualityCounts(month.schema, learned), LabelledRows()
    quality.add(rows[[*learned.columns]])
    y_pred = (rows[PREDICTION] >= month.threshold).to_numpy()
    labelled.add(rows[LABEL].astype("boolean"), rows[PREDICTION], y_pred, rows[CLUSTER])
    return {
        "rows": len(rows),
        "quality": {"judged": 1, **quality.figures()},
        "drift": drift.figures(measure(rows, learned).reset_index()),
        "performance": performance.score(labelled, month.prices).figures,
    }


def fired(rules: Sequence[Rule], batches: Sequence[dict[str, Any]]) -> list[bool]:
    """Return for each batch, in order, whether a rule fires."""
    batches_by_name = {f"{place:06}": batch for place, batch in enumerate(batches)}
    verdicts = evaluate(rules, batches_by_name)
    firing = {verdict.batch for verdict in verdicts if verdict.state is RuleState.FIRES}
    return [name in firing for name in batches_by_name]


def draw(rows: pd.DataFrame, size: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return so many rows, drawn with replacement."""
    return rows.iloc[rng.integers(0, len(rows), size)].reset_index(drop=True)


def quiet(month: Month, *, size: int, batches: int, seed: int = 0) -> pd.DataFrame:
    """Return the alarms of quiet batches, one row for each.

    How many columns `moved`, how many by their test alone (`sure`) and by their index alone
    (`far`), and whether a rule of level `act` fires, with all labels known.
    """
    rng = np.random.default_rng(seed)
    rows, acts = list[tuple[int, int, int]](), list[bool]()
    for _ in range(SPLITS):
        learned, live = split(month, size, rng)
        monitored = []
        for _ in range(batches // SPLITS):
            batch = draw(live, size, rng)
            measured = measure(batch, learned)
            sure = int((measured["p_adjusted"] < drift.MAX_P_VALUE).sum())
            far = int((measured["psi"] >= drift.MIN_PSI).sum())
            rows.append((int(measured["moved"].sum()), sure, far))
            monitored.append(figures(month, batch, learned))
        acts += fired(month.rules, monitored)
    return pd.DataFrame(rows, columns=["moved", "sure", "far"]).assign(act=acts)


def until(month: Month, *, plant: str, size: int, seed: int = 0) -> tuple[list[int], float]:
    """Return the batches until a planted drift is detected, by split, and its median PSI.

    MAX_WAIT + 1 stands for a drift that was not detected.
    """
    rng, (column, change) = np.random.default_rng(seed), PLANTED[plant]
    waits, psi = list[int](), list[float]()
    for _ in range(SPLITS):
        learned, live = split(month, size, rng)
        count = 0
        for count in range(1, MAX_WAIT + 2):
            measured = measure(change(draw(live, size, rng), rng), learned)
            psi.append(measured.loc[[column], "psi"].item())
            if count > MAX_WAIT or measured.loc[[column], "moved"].item():
                break
        waits.append(count)
    return waits, median(psi)


def tables(month: Month) -> Iterator[str]:
    """Yield the lines of both tables, in Markdown."""
    yield (
        "| rows of a batch | quiet batches | an `act` rule fires | a column moved"
        " | by its test alone | by its index alone |"
    )
    yield "|---:|---:|---:|---:|---:|---:|"
    for size, batches in SIZES.items():
        alarms = quiet(month, size=size, batches=batches)
        shares = [f"{(alarms[name] > 0).mean():.1%}" for name in ("act", "moved", "sure", "far")]
        yield f"| {size:,} | {len(alarms):,} | {' | '.join(shares)} |".replace("%", " %")
    yield ""
    yield "| planted | psi | " + " | ".join(f"batches of {size:,}" for size in SIZES) + " |"
    yield "|---|---:|" + "---:|" * len(SIZES)
    for plant in PLANTED:
        results = [until(month, plant=plant, size=size) for size in SIZES]
        cells = " | ".join(_wait(waits) for waits, _ in results)
        yield f"| {plant} | {results[-1][1]:.3f} | {cells} |"


def _wait(counts: list[int]) -> str:
    """Return the median and the longest wait."""
    middle, longest = median(counts), max(counts)
    if middle > MAX_WAIT:
        return "not found"
    worst = f"over {MAX_WAIT}" if longest > MAX_WAIT else str(longest)
    return f"{middle:g} (at most {worst})"


def main() -> None:
    """Run a study and print both tables."""
    with tempfile.TemporaryDirectory() as folder:
        study = bake.bake(Path(folder))
        bake.commit(study)
        bake.run(study, "dvc", "repro")
        for line in tables(month(study)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
