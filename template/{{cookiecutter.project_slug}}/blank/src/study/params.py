"""The typed model of params.yaml: one block per stage, every value with a range and a unit."""

from pydantic import BaseModel, ConfigDict, Field


class Block(BaseModel):
    """A block of parameters that knows its names and takes no others."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class Compute(Block):
    """What changes the bytes of a result without changing its meaning."""

    threads: int = Field(ge=1, le=256)
    """Threads of OpenMP and BLAS in every stage."""
    blas_kernel: str = Field(pattern="^[A-Za-z0-9]+$")
    """OpenBLAS kernel, used on x86-64 processors that have AVX2."""


class Prepare(Block):
    """Stage prepare: which rows are used, and which judge the models."""

    fraction: float = Field(gt=0, le=1)
    """Share of the rows that is kept; below 1 for quick work."""
    test_share: float = Field(gt=0, lt=1)
    """Share of the rows that judges the models."""


class Train(Block):
    """Stage train: the model's size."""

    C: float = Field(gt=0, allow_inf_nan=False)
    """Inverse strength of the penalty on large coefficients."""


class Evaluate(Block):
    """Stage evaluate: how the models are judged."""

    threshold: float = Field(ge=0, le=1)
    """The probability from which a row counts as malignant."""
    calibration_bins: int = Field(ge=2, le=100)
    """Bins of the calibration curve, each with about as many rows."""


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
    prepare: Prepare
    train: Train
    evaluate: Evaluate
    prices: Prices
