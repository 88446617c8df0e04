"""A project of one stage, so small that it runs in a second; and what makes a whole study quick."""

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess

from lab import bake

PYPROJECT = (
    '[project]\nname = "mini"\nversion = "0"\n[tool.headrace]\nparams = "mini.params:Params"\n'
)


MODEL = """\
from pydantic import BaseModel, ConfigDict, Field


class Block(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Compute(Block):
    threads: int = Field(ge=1)


class Train(Block):
    max_iter: int = Field(ge=1, le=1000)
    rate: float = Field(gt=0, le=1)
    name: str


class Params(Block):
    seed: int
    compute: Compute
    train: Train
"""


PARAMS = """\
seed: 7
compute:
  threads: 1
train:
  max_iter: 20
  rate: 0.5
  name: first
"""


DVC = """\
stages:
  train:
    cmd: headrace run train
    deps:
      - notebooks/01_train.ipynb
      - requirements.lock
    params:
      - seed
      - compute
      - train
    outs:
      - runs/train.ipynb
"""


DEFAULTS = 'seed = 0  # seed\nmax_iter = 10\nrate = 0.1\nname = "default"'


QUICK = {"prepare.fraction": 0.05, "train.max_iter": 10, "backtest.months": [6, 7]}
"""What makes a whole study run in half a minute."""


STARTED = 'open("started", "w").close()'
"""A cell that leaves a trace: where there is none, no cell ran."""


def cell(source: str, *tags: str, kind: str = "code") -> dict[str, object]:
    """Return one notebook cell, with an id made of its place later on."""
    made: dict[str, object] = {
        "cell_type": kind,
        "metadata": {"tags": list(tags)} if tags else {},
        "source": source,
    }
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def notebook(*cells: Mapping[str, object]) -> str:
    """Return the text of a source notebook."""
    named = [{"id": f"c{index}", **content} for index, content in enumerate(cells)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    whole = {"cells": named, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1) + "\n"


class Mini:
    """A project of one stage, made in a folder; its methods change it and run it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("pyproject.toml", PYPROJECT)
        self.write("dvc.yaml", DVC)
        self.write("params.yaml", PARAMS)
        self.write("requirements.lock", "")
        self.write("src/mini/__init__.py", "")
        self.write("src/mini/params.py", MODEL)
        self.cells("print(max_iter)")

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), "utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace text that a file of the project must hold."""
        text = (self.root / name).read_text("utf-8")
        assert old in text
        (self.root / name).write_text(text.replace(old, new), "utf-8")

    def cells(self, *sources: str, defaults: str = DEFAULTS) -> None:
        """Give the stage a notebook: its parameters cell, a cell that leaves a trace, and these."""
        title = cell("# Train", kind="markdown")
        code = [cell(source) for source in (STARTED, *sources)]
        self.write("notebooks/01_train.ipynb", notebook(title, cell(defaults, "parameters"), *code))

    def run(self, *words: str, folder: str = ".", **environment: str) -> CompletedProcess[str]:
        """Run `headrace` in the project; by default its one stage."""
        command = ("headrace", *(words or ("run", "train")))
        return bake.run(
            self.root / folder, *command, check=False, env=bake.environment(**environment)
        )

    @property
    def started(self) -> bool:
        """Whether a cell ran."""
        return (self.root / "started").exists()

    def result(self, name: str = "train") -> dict[str, object]:
        """Return the run as JSON."""
        content: dict[str, object] = json.loads(
            (self.root / f"runs/{name}.ipynb").read_text("utf-8")
        )
        return content

    def printed(self, name: str = "train") -> str:
        """Return all that the run's cells printed."""
        cells = self.result(name)["cells"]
        assert isinstance(cells, list)
        outputs = [output for one in cells for output in one.get("outputs", [])]
        return "".join("".join(output.get("text", [])) for output in outputs)
