"""The typed model of the root's params.yaml."""

from pydantic import BaseModel, ConfigDict, Field


class Block(BaseModel):
    """A block of parameters that knows its names and takes no others."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class Compute(Block):
    """Threads and BLAS kernel of the notebooks here; a baked study has its own."""

    threads: int = Field(ge=1, le=256)
    """Threads of OpenMP and BLAS."""


class Bake(Block):
    """Stage bake: the answers that a study is made from."""

    project_name: str = Field(min_length=1)
    """Name of the study, as it is typed at the prompt."""


class Reproduce(Block):
    """Stage reproduce: how much of the flights flows through the baked study."""

    fraction: float = Field(gt=0, le=1)
    """Share of the flights that is kept."""
    max_iter: int = Field(ge=1)
    """Boosting rounds of the first run."""
    changed_max_iter: int = Field(ge=1)
    """Boosting rounds after the one change."""


class Params(Block):
    """All of the root's params.yaml."""

    compute: Compute
    bake: Bake
    reproduce: Reproduce
