"""What the tests share: studies that are baked and run once, a browser, a small project."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import browser
import forked
import pytest
from filelock import FileLock
from mini_study import QUICK, Mini
from servers import BUNDLE

from headrace.bundle import archive, golden
from headrace.execution import sandbox
from lab import bake

os.environ.update(bake.NOBODY)
bake.run = forked.run  # for the tests, and for what lab.bake itself runs

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
