"""The typed model of params.yaml: one block per stage, every value with a range and a unit."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Month = Annotated[int, Field(ge=1, le=12)]
Months = Annotated[list[Month], Field(min_length=1, description="months of 2013, 1 to 12")]


class Block(BaseModel):
    """A block of parameters that knows its names and takes no others."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class Compute(Block):
    """What changes the bytes of a result without changing its meaning."""

    threads: int = Field(ge=1, le=256)
    """Threads of OpenMP and BLAS in every stage."""
    blas_kernel: str = Field(pattern="^[A-Za-z0-9]+$")
    """OpenBLAS kernel, used on x86-64 processors that have AVX2."""


class Problem(Block):
    """What counts as late, and what a mistake costs."""

    late_minutes: int = Field(ge=1, le=600)
    """A flight that arrives this many minutes behind schedule, or more, is late."""
    price_missed: float = Field(gt=0, allow_inf_nan=False)
    """Dollars lost by one late flight that nobody was warned of."""
    price_false_alarm: float = Field(gt=0, allow_inf_nan=False)
    """Dollars lost by one warning of a flight that was not late."""


class Collect(Block):
    """Stage collect: which flights are read."""

    months: Months


class Prepare(Block):
    """Stage prepare: what a flight's features are made of."""

    weather_lag_hours: int = Field(ge=2, le=48)
    """Hours before the scheduled hour of departure by which the weather that is used was known."""
    weather_fill_hours: int = Field(ge=0, le=48)
    """Hours for which an earlier observation stands in for a missing one."""
    fraction: float = Field(gt=0, le=1)
    """Share of each month's flights that is kept; below 1 for quick work."""


class Train(Block):
    """Stage train: the two models and the month that sets their thresholds."""

    fit_months: Months
    threshold_month: Month
    """Month on which each model's threshold is chosen, 1 to 12."""
    max_iter: int = Field(ge=1, le=10_000)
    """Boosting rounds."""
    learning_rate: float = Field(gt=0, le=1)
    """Weight of each round."""
    max_leaf_nodes: int = Field(ge=2, le=1024)
    """Leaves of one tree, at most."""
    min_samples_leaf: int = Field(ge=1)
    """Flights in one leaf, at least."""
    prior_flights: int = Field(ge=0)
    """Flights' worth of the overall late share mixed into each naive share."""


class Evaluate(Block):
    """Stage evaluate: the month that neither model has seen."""

    evaluate_month: Month
    """Month on which both models are judged, 1 to 12."""
    calibration_bins: int = Field(ge=2, le=100)
    """Bins of the calibration curve, each with about the same number of flights."""
    min_group: int = Field(ge=1)
    """Flights behind an error rate before it counts in the gaps between groups."""
    small_destination: int = Field(ge=1)
    """A destination with fewer flights in the month is small."""


class HandOff(Block):
    """Stage hand_off: the bundle, with all that answering needs."""

    golden_rows: int = Field(ge=1, le=10_000)
    """Flights that go along with the model's answers, to be asked again wherever it is loaded."""


class Monitor(Block):
    """Stage monitor: what has come in since the model was judged; `headrace ingest` adds to it."""

    batches: list[Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$")]]
    """Batches in data/live that are watched, in order."""


class Retrain(Block):
    """What a challenger learns from, for `headrace retrain` and for the backtest of it."""

    window: Literal["expanding", "sliding"]
    """All months that came before, or the last few of them."""
    window_months: int = Field(ge=1, le=11)
    """How many, where the window is sliding; early in the year there are fewer."""


class Backtest(Block):
    """Stages backtest and money: what would have happened, with and without retraining."""

    months: Months
    champion_month: Month
    """First month that the champion answers for; it has learned what came before, and stays."""
    delay: int = Field(ge=1, le=9)
    """Months from the one that a challenger is judged on to the first one that it answers for.

    1: labels are known when the month ends, and a person promotes at once. 2: labels come a month
    late.
    """


class Serve(Block):
    """What the server writes down of what it is asked, for the monitor; no stage takes it."""

    log: bool
    """Whether requests and answers are kept, in data/served."""
    log_days: int = Field(ge=1, le=3650)
    """Days after which they are forgotten."""
    log_never: list[str]
    """Inputs that are never written down."""


class Prices(Block):
    """What computing costs: `headrace diff` shows each stage's dollars by it; no stage takes it."""

    cpu_hour: float = Field(ge=0, allow_inf_nan=False)
    """Dollars for one hour of one CPU."""
    gib_hour: float = Field(ge=0, allow_inf_nan=False)
    """Dollars for one hour of one GiB of memory."""


class Params(Block):
    """All of params.yaml."""

    seed: int = Field(ge=0, lt=2**32)
    """Drives every random choice."""
    compute: Compute
    problem: Problem
    collect: Collect
    prepare: Prepare
    train: Train
    evaluate: Evaluate
    hand_off: HandOff
    monitor: Monitor
    retrain: Retrain
    backtest: Backtest
    serve: Serve
    prices: Prices

    @model_validator(mode="after")
    def months_follow_each_other(self) -> "Params":
        """Refuse months that were not collected, or that come before what they judge."""
        fit, threshold = self.train.fit_months, self.train.threshold_month
        judged = self.evaluate.evaluate_month
        missing = sorted({*fit, threshold, judged} - set(self.collect.months))
        if missing:
            raise ValueError(f"months {missing} are used but not in collect.months")
        if not max(fit) < threshold < judged:
            raise ValueError(
                "train.fit_months, train.threshold_month and evaluate.evaluate_month must follow"
                " each other in time, or the evaluation judges what the model has seen"
            )
        return self

    @model_validator(mode="after")
    def backtest_has_a_past(self) -> "Params":
        """Refuse months without enough before them, and a champion that would judge its own."""
        months, champion = self.backtest.months, self.backtest.champion_month
        collected = set(self.collect.months)
        if missing := sorted({*months, champion} - collected):
            raise ValueError(f"months {missing} are used by backtest but not in collect.months")
        if champion > min(months):
            raise ValueError(
                "backtest.champion_month comes after the first of backtest.months, so the champion"
                " would be judged on what it has learned"
            )
        for month in sorted({*months, champion}):
            judged = month - self.backtest.delay
            if not (self._learned(judged) and {judged - 1, judged} <= collected):
                raise ValueError(
                    f"a model that answers for month {month} of backtest is judged on month"
                    f" {judged}, backtest.delay before; the two months to {judged} must be in"
                    " collect.months, and by retrain.window one before them to learn"
                )
        return self

    def _learned(self, judged: int) -> set[int]:
        """Return the months that a model learns which is judged on a month; as `live.window`."""
        sliding = self.retrain.window == "sliding"
        first = judged - 1 - self.retrain.window_months if sliding else 1
        return set(self.collect.months) & {*range(first, judged - 1)}
