"""How often drift is called where nothing moved, and how soon where something was planted.

Real flights of one month, cut in two at random: the baseline is made of one half, and batches are
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

from headrace.bundle import baseline as bundled
from headrace.bundle import load
from headrace.bundle.golden import PREDICTION
from headrace.core import yaml
from headrace.gates import reader
from headrace.gates.live import Level, Rule, State, evaluate
from headrace.monitor import baseline, drift, performance, quality
from lab import bake

SIZES = {500: 1_000, 2_000: 1_000, 27_000: 200}
"""Rows of a batch, and how many quiet batches are drawn: a large one takes a second to score."""
CUTS = 20
"""Ways to cut the month in two: a single one would be a single chance."""
MOST = 12
"""Batches that a drift is waited for."""
MONTH, CLOCK, LABEL, CLUSTER = 9, "departure_minute", "late", "time_hour"

Plant = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


def _more(rows: pd.DataFrame, rng: np.random.Generator, column: str, by: float) -> pd.DataFrame:
    return rows.assign(**{column: rows[column] + by})


def _scaled(rows: pd.DataFrame, rng: np.random.Generator, by: float) -> pd.DataFrame:
    return rows.assign(**{PREDICTION: np.minimum(rows[PREDICTION] * by, 1.0)})


def _oftener(rows: pd.DataFrame, rng: np.random.Generator, column: str, value: str) -> pd.DataFrame:
    """Draw the rows anew, those with a value twice as often as before."""
    mine = (rows[column] == value).to_numpy()
    share = mine.mean()
    weights = np.where(mine, 2.0, (1 - 2 * share) / (1 - share))
    drawn = rng.choice(len(rows), len(rows), p=weights / weights.sum())
    return rows.iloc[drawn].reset_index(drop=True)


def _lost(rows: pd.DataFrame, rng: np.random.Generator, column: str, share: float) -> pd.DataFrame:
    return rows.assign(**{column: rows[column].mask(rng.random(len(rows)) < share)})


def _unseen(
    rows: pd.DataFrame, rng: np.random.Generator, column: str, share: float
) -> pd.DataFrame:
    return rows.assign(**{column: rows[column].mask(rng.random(len(rows)) < share, "new")})


PLANTED: dict[str, tuple[str, Plant]] = {
    "temperature + 1 °F": ("temp", partial(_more, column="temp", by=1.0)),
    "temperature + 3 °F": ("temp", partial(_more, column="temp", by=3.0)),
    "temperature + 5 °F": ("temp", partial(_more, column="temp", by=5.0)),
    "departures 1 hour later": (CLOCK, partial(_more, column=CLOCK, by=60)),
    "departures 3 hours later": (CLOCK, partial(_more, column=CLOCK, by=180)),
    "share of carrier AA doubled": ("carrier", partial(_oftener, column="carrier", value="AA")),
    "share of carrier UA doubled": ("carrier", partial(_oftener, column="carrier", value="UA")),
    "5 % of carriers never seen": ("carrier", partial(_unseen, column="carrier", share=0.05)),
    "temperature missing in 10 %": ("temp", partial(_lost, column="temp", share=0.10)),
    "predictions times 1.1": (PREDICTION, partial(_scaled, by=1.1)),
    "predictions times 1.3": (PREDICTION, partial(_scaled, by=1.3)),
    "predictions times 1.5": (PREDICTION, partial(_scaled, by=1.5)),
}
"""Drifts, each with the column that is to be found moved."""


@dataclass(frozen=True)
class Month:
    """The judged month of a study that ran, and all that its batches are judged by."""

    rows: pd.DataFrame
    """Inputs, `prediction`, the truth, and the time by which whole days are drawn."""
    schema: dict[str, Any]
    threshold: float
    prices: dict[str, float]
    rules: tuple[Rule, ...]
    """The live rules of gates.yaml of level act."""


def month(study: Path) -> Month:
    """Return the judged month of a study that ran."""
    table = pd.read_parquet(study / "data/features.parquet")
    table = table[table["month"] == MONTH].reset_index(drop=True)
    chances = pd.read_parquet(study / "data/predictions.parquet")["model"].to_numpy()
    files, _ = load.read_files(study / "models/bundle.tar")
    schema: dict[str, Any] = json.loads(files["schema.json"])
    rows = table[[*schema["properties"], LABEL, CLUSTER]].assign(**{PREDICTION: chances})
    problem = yaml.read(study / "params.yaml")["problem"]
    prices = {name: float(problem[f"price_{name}"]) for name in ("missed", "false_alarm")}
    live = reader.parse((study / "gates.yaml").read_bytes()).live
    loud = tuple(one for one in live if one.level is Level.ACT)
    return Month(rows, schema, json.loads(files["facts.json"])["threshold"], prices, loud)


def cut(
    known: Month, size: int, rng: np.random.Generator
) -> tuple[baseline.Baseline, pd.DataFrame]:
    """Return the baseline of one half of a month, drawn at random, and the other half.

    By the baseline a batch is expected to have `size` rows, or as many as the half has.
    """
    order = rng.permutation(len(known.rows))
    parts = np.array_split(order, 2)
    ours, theirs = (known.rows.iloc[half].reset_index(drop=True) for half in parts)
    columns, periods = [*known.schema["properties"]], max(1, round(len(ours) / size))
    made = bundled.describe(ours[columns], predictions=ours[PREDICTION], periods=periods)
    return baseline.parse(made, known.schema, "half a month"), theirs


def judged(rows: pd.DataFrame, known: baseline.Baseline) -> pd.DataFrame:
    """Return what drift says of some rows, by feature."""
    return drift.of(rows[[*known.columns]], rows[PREDICTION], known).set_index("feature")


def figures(known: Month, rows: pd.DataFrame, held: baseline.Baseline) -> dict[str, Any]:
    """Return what metrics/monitor.json would hold of some rows, but for groups and estimate."""
    chances, inputs = rows[PREDICTION], rows[[*held.columns]]
    said = (chances >= known.threshold).to_numpy()
    truth = rows[LABEL].astype("boolean")
    return {
        "rows": len(rows),
        "quality": {"judged": 1, **quality.of(inputs, known.schema, held).figures},
        "drift": drift.figures(drift.of(inputs, chances, held)),
        "performance": performance.of(truth, chances, said, rows[CLUSTER], known.prices).figures,
    }


def fired(rules: Sequence[Rule], batches: Sequence[dict[str, Any]]) -> list[bool]:
    """Tell of each batch, in order, whether a rule fires."""
    named = {f"{place:06}": one for place, one in enumerate(batches)}
    firing = {one.batch for one in evaluate(rules, named) if one.state is State.FIRES}
    return [name in firing for name in named]


def drawn(rows: pd.DataFrame, size: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return so many rows, drawn with replacement."""
    return rows.iloc[rng.integers(0, len(rows), size)].reset_index(drop=True)


def quiet(known: Month, *, size: int, batches: int, seed: int = 0) -> pd.DataFrame:
    """Return what is said of quiet batches: one row for each.

    How many columns have `moved`, how many would by their test alone (`sure`) and by their index
    alone (`far`), and whether a rule of level `act` fires, with the truth known of every row.
    """
    rng = np.random.default_rng(seed)
    rows, acts = list[tuple[int, int, int]](), list[bool]()
    for _ in range(CUTS):
        held, rest = cut(known, size, rng)
        said = []
        for _ in range(batches // CUTS):
            batch = drawn(rest, size, rng)
            found = judged(batch, held)
            sure = int((found["p_adjusted"] < drift.SURE).sum())
            far = int((found["psi"] >= drift.FAR).sum())
            rows.append((int(found["moved"].sum()), sure, far))
            said.append(figures(known, batch, held))
        acts += fired(known.rules, said)
    return pd.DataFrame(rows, columns=["moved", "sure", "far"]).assign(act=acts)


def until(month: Month, *, plant: str, size: int, seed: int = 0) -> tuple[list[int], float]:
    """Return after how many batches each cut finds a planted drift, and the median of its psi.

    MOST + 1 stands for a drift that was not found.
    """
    rng, (column, change) = np.random.default_rng(seed), PLANTED[plant]
    waited, psi = list[int](), list[float]()
    for _ in range(CUTS):
        known, rest = cut(month, size, rng)
        count = 0
        for count in range(1, MOST + 2):
            found = judged(change(drawn(rest, size, rng), rng), known)
            psi.append(found.loc[[column], "psi"].item())
            if count > MOST or found.loc[[column], "moved"].item():
                break
        waited.append(count)
    return waited, median(psi)


def tables(month: Month) -> Iterator[str]:
    """Yield the lines of both tables, in Markdown."""
    yield (
        "| rows of a batch | quiet batches | an `act` rule fires | a column moved"
        " | by its test alone | by its index alone |"
    )
    yield "|---:|---:|---:|---:|---:|---:|"
    for size, batches in SIZES.items():
        found = quiet(month, size=size, batches=batches)
        shares = [f"{(found[name] > 0).mean():.1%}" for name in ("act", "moved", "sure", "far")]
        yield f"| {size:,} | {len(found):,} | {' | '.join(shares)} |".replace("%", " %")
    yield ""
    yield "| planted | psi | " + " | ".join(f"batches of {size:,}" for size in SIZES) + " |"
    yield "|---|---:|" + "---:|" * len(SIZES)
    for plant in PLANTED:
        tried = [until(month, plant=plant, size=size) for size in SIZES]
        cells = " | ".join(_waited(waited) for waited, _ in tried)
        yield f"| {plant} | {tried[-1][1]:.3f} | {cells} |"


def _waited(counts: list[int]) -> str:
    """Return the median and the longest wait."""
    middle, longest = median(counts), max(counts)
    if middle > MOST:
        return "not found"
    worst = f"over {MOST}" if longest > MOST else str(longest)
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
