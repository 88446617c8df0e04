"""The pytest plugin of `make replay`: run the executed notebooks again, strictly, in a kernel.

nbval compares what a cell gives with what was stored, here pictures too. The kernels work in a copy
of the study. nbval's own --nbdime fails under pytest 9, and waits for a browser.
"""

import json
import os
import shutil
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from headrace.core import parameters, project, yaml
from headrace.execution import environment
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile, metadata_tags

STUDY = project.find_project()
RUNS = STUDY.root / "runs"
KEPT = STUDY.root / ".headrace/replay"
LEFT_OUT = shutil.ignore_patterns(".venv", ".git", ".dvc", ".headrace")
PICTURES = ("image/png", "image/jpeg")
COPY = KEPT / "study"
different: list[IPyNbCell] = []
metadata_tags["skip-execution"] = "skip"


class Run(IPyNbFile):
    """An executed notebook; its kernel works at the top of the copy, as a stage does."""

    def setup(self) -> None:
        """Start the kernel."""
        self.skip_compare = tuple(kind for kind in self.skip_compare if kind not in PICTURES)
        self.kernel = RunningKernel(CURRENT_ENV_KERNEL_NAME, cwd=str(COPY))
        self.setup_sanitize_files()


def pytest_configure() -> None:
    """Copy the study, and give the kernels the environment of a stage."""
    if not any(RUNS.glob("*.ipynb")):
        raise pytest.UsageError("No notebook has been run yet. Next: dvc repro")
    shutil.rmtree(COPY, ignore_errors=True)
    shutil.copytree(STUDY.root, COPY, ignore=LEFT_OUT, symlinks=True)
    os.environ.update(environment.of_stage(project.find_project(COPY), os.environ))
    compute = yaml.lookup(yaml.read(STUDY.root / parameters.FILE), parameters.COMPUTE)
    os.environ.update(environment.compute_variables(compute or {}))


def pytest_unconfigure() -> None:
    """Remove the copy."""
    shutil.rmtree(COPY, ignore_errors=True)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Run | None:
    """Collect the runs of Python notebooks."""
    if file_path.parent != RUNS or file_path.suffix != ".ipynb":
        return None
    kernel = json.loads(file_path.read_text("utf-8"))["metadata"].get("kernelspec", {})
    return Run.from_parent(parent, path=file_path) if kernel.get("name") == "python3" else None


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Remember a cell that gives something else."""
    if call.when == "call" and call.excinfo is not None and isinstance(item, IPyNbCell):
        different.append(item)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Keep those cells, as stored and as replayed, and name the command that shows both."""
    if different:
        stored, replayed = KEPT / "stored.ipynb", KEPT / "replayed.ipynb"
        write(stored, {cell: cell.cell.outputs for cell in different})
        write(replayed, {cell: cell.test_outputs or [] for cell in different})
        terminalreporter.line("What came out is not what was stored. To see both side by side:")
        terminalreporter.line(f"  nbdiff-web {stored} {replayed}")


def write(path: Path, outputs: Mapping[IPyNbCell, list[nbformat.NotebookNode]]) -> None:
    """Write cells with these outputs; cells have the same ids in both notebooks, to be matched."""
    notebook = nbformat.v4.new_notebook()
    for item in outputs:
        cell = deepcopy(item.cell)
        cell.outputs = outputs[item]
        notebook.cells += [nbformat.v4.new_markdown_cell(f"## {item.nodeid}"), cell]
    for index, cell in enumerate(notebook.cells):
        cell.id = f"cell-{index}"
    nbformat.write(notebook, path)
