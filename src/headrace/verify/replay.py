"""The pytest plugin of `make replay`: run the executed notebooks again, strictly, in a kernel.

nbval compares what a cell gives with what was stored, here pictures too. The kernels work in a copy
of the study. nbval's own --nbdime fails under pytest 9, and waits for a browser.
"""

import json
import os
import shlex
import shutil
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile, metadata_tags

from headrace.core import param_files, project, yaml
from headrace.execution import environment, output_masks

FOLDER = Path(".headrace/replay")
COPY = FOLDER / "study"
NOT_COPIED = shutil.ignore_patterns(".venv", ".git", ".dvc", ".headrace")
PICTURES = ("image/png", "image/jpeg")
metadata_tags["skip-execution"] = "skip"


class Run(IPyNbFile):  # type: ignore[misc]  # nbval is untyped
    """An executed notebook; its kernel works at the top of the copy, as a stage does."""

    def setup(self) -> None:
        """Start the kernel."""
        self.skip_compare: tuple[str, ...] = tuple({*self.skip_compare} - {*PICTURES})
        copy = project.find_project().root / COPY
        self.kernel = RunningKernel(CURRENT_ENV_KERNEL_NAME, cwd=str(copy))
        self.setup_sanitize_files()


class Replay:
    """Replays the runs of a study, and writes the cells whose outputs differ as two notebooks."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.runs = {root / run for run in project.find_project(root).runs}
        self.different: list[Any] = []

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> Run | None:
        """Collect the runs of Python notebooks."""
        if file_path not in self.runs:
            return None
        kernel = json.loads(file_path.read_text("utf-8"))["metadata"].get("kernelspec", {})
        is_python = kernel.get("name") == "python3"
        return Run.from_parent(parent, path=file_path) if is_python else None

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Remember a cell whose outputs differ."""
        if call.when == "call" and call.excinfo is not None and isinstance(item, IPyNbCell):
            self.different.append(item)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write those cells, as stored and as replayed, and name the command that shows both."""
        if self.different:
            stored, replayed = (
                self.root / FOLDER / f"{name}.ipynb" for name in ("stored", "replayed")
            )
            _write(stored, {cell: cell.cell.outputs for cell in self.different})
            _write(replayed, {cell: cell.test_outputs or [] for cell in self.different})
            terminalreporter.line("Outputs differ from what was stored. To see both side by side:")
            terminalreporter.line(f"  {shlex.join(['nbdiff-web', str(stored), str(replayed)])}")

    def pytest_unconfigure(self) -> None:
        """Remove the copy."""
        shutil.rmtree(self.root / COPY, ignore_errors=True)


def pytest_configure(config: pytest.Config) -> None:
    """Copy the study, and give the kernels the environment of a stage."""
    root = project.find_project().root
    if not project.find_project().runs:
        raise pytest.UsageError("No notebook has been run yet. Next: dvc repro")
    shutil.rmtree(root / COPY, ignore_errors=True)
    shutil.copytree(root, root / COPY, ignore=NOT_COPIED, symlinks=True)
    # Here, since the kernels inherit the environment of this process.
    os.environ.update(environment.of_stage(project.find_project(root / COPY), os.environ))
    compute = yaml.lookup(param_files.main_file(project.find_project().read), param_files.COMPUTE)
    os.environ.update(environment.compute_variables(compute or {}))
    mask_as_runs(root / COPY)
    config.pluginmanager.register(Replay(root))


def mask_as_runs(copy: Path) -> None:
    """Let nbval compare texts as a run's normal form has them: the stored outputs are in it."""
    sanitize, make_relative = IPyNbCell.sanitize, output_masks.relative_paths(copy)

    def sanitize_masked(cell: IPyNbCell, text: Any) -> Any:
        if isinstance(text, str):
            masked = make_relative(output_masks.mask_reprs(text))
            text = output_masks.StableIds().replace(masked)
        return sanitize(cell, text)

    IPyNbCell.sanitize = sanitize_masked


def _write(path: Path, outputs: Mapping[Any, list[nbformat.NotebookNode]]) -> None:
    """Write cells with these outputs; cells have the same ids in both notebooks, to be matched."""
    notebook = nbformat.v4.new_notebook()
    for item in outputs:
        cell = deepcopy(item.cell)
        cell.outputs = outputs[item]
        notebook.cells += [nbformat.v4.new_markdown_cell(f"## {item.nodeid}"), cell]
    for index, cell in enumerate(notebook.cells):
        cell.id = f"cell-{index}"
    nbformat.write(notebook, path)
