"""What the tests share: baked studies, and a project so small that it runs in a second."""

import json
import os
import shutil
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import browser
import forked
import pytest
from filelock import FileLock
from servers import BUNDLE

from headrace.bundle import archive, golden
from headrace.execution import sandbox
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
        "metadata": {"tags": list(tags)},
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


os.environ.update(bake.NOBODY)
bake.run = forked.run

TESTS = Path(__file__).parent
STUDIES = {"baked", "quick"}
"""What no unit test asks for, itself or by another fixture: studies take a minute."""
FIRST = ("test_life", "test_watch", "test_experiments", "test_verify", "test_retrain")
"""Files that take longest begin first, or one worker would wait for the other in the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in tests/long; put the files that take longest first, and leave the rest.

    Errors:
        pytest.UsageError: a unit test asks for a study.
    """
    for item in items:
        if item.path.is_relative_to(TESTS / "long"):
            item.add_marker("long")
        if item.path.is_relative_to(TESTS / "unit") and STUDIES & {*item.fixturenames}:  # type: ignore[attr-defined]
            raise pytest.UsageError(f"{item.nodeid} needs a study. Next: move it to tests/study")
    place = {name: at for at, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(FIRST)))


@pytest.fixture
def mini(tmp_path: Path) -> Mini:
    """A project of one stage."""
    return Mini(tmp_path)


@pytest.fixture
def make_mini(tmp_path: Path) -> Callable[[str], Mini]:
    """Make projects of one stage, each in a folder of its own."""
    return lambda name: Mini(tmp_path / name)


def shared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Path]) -> Path:
    """Return a study that the first worker to ask for it makes, and that all share.

    HEADRACE_STUDIES names a folder in which studies outlive the run, whatever becomes of the
    sources: for working on one module, where baking anew would take longer than its tests.
    """
    kept = os.environ.get("HEADRACE_STUDIES")
    base = factory.getbasetemp()
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = Path(kept) if kept else run / "studies"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{name}.lock"):
        done = folder / f"{name}.path"
        if not done.exists():
            shutil.rmtree(folder / name, ignore_errors=True)
            (folder / name).mkdir()
            done.write_text(str(make(folder / name)))
        return Path(done.read_text())


@pytest.fixture(scope="session")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study as the default answers make it; not to be changed."""
    return shared(tmp_path_factory, "baked", bake.bake)


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study on a twentieth of the flights, run once and committed; not to be changed."""

    def make(folder: Path) -> Path:
        study = bake.bake(folder)
        sandbox.set_parameters(study / "params.yaml", QUICK)
        bake.commit(study)
        bake.run(study, "dvc", "repro")
        bake.commit(study, "Run the pipeline")
        return study

    return shared(tmp_path_factory, "quick", make)


@pytest.fixture(scope="session")
def watched(quick: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That study, with two months of live batches taken in, judged and committed."""

    def make(folder: Path) -> Path:
        study = Path(shutil.copytree(quick, folder / "study"))
        for name in ("2013-10", "2013-11"):
            bake.run(study, "headrace", "ingest", name)
        bake.run(study, "dvc", "repro", "monitor")
        bake.commit(study, "Watch two months")
        return study

    return shared(tmp_path_factory, "watched", make)


@pytest.fixture(scope="session")
def verified(watched: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That study, with the certificate that its last commit reproduces."""

    def make(folder: Path) -> Path:
        study = Path(shutil.copytree(watched, folder / "study"))
        bake.run(study, "headrace", "verify")
        return study

    return shared(tmp_path_factory, "verified", make)


@pytest.fixture
def copy(quick: Path, tmp_path: Path) -> Path:
    """A copy of that study, with its cache, to break."""
    return Path(shutil.copytree(quick, tmp_path / "copy"))


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Browser]:
    """A browser that all tests of a module share."""
    if browser.FOUND is None:
        pytest.skip("there is no Chromium")
    with browser.opened(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture(scope="module")
def bundle_files(quick: Path) -> dict[str, bytes]:
    """The files of the quick study's bundle, by their names."""
    return archive.unseal((quick / BUNDLE).read_bytes(), "bundle.tar")


@pytest.fixture(scope="module")
def input_rows(bundle_files: dict[str, bytes]) -> list[dict[str, Any]]:
    """Rows of inputs: the golden ones, without their predictions."""
    rows = json.loads(bundle_files["golden.json"])
    return [{name: row[name] for name in row if name != golden.PREDICTION} for row in rows]
