"""A plugin for pytest: nbval compares pictures too, and what differs is kept for nbdime to show.

nbval's own --nbdime would do the first, but its reporter fails under pytest 9; and it starts a
server and waits for a browser, which is nothing for CI.
"""

import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from headrace.core import atomic
from headrace.replay import FOLDER_VARIABLE

PICTURES = ("image/png", "image/jpeg")
different: list[IPyNbCell] = []
"""The cells that gave something else than was stored."""


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Let a notebook's pictures be compared, byte by byte."""
    if isinstance(collector, IPyNbFile):
        compared = [kind for kind in collector.skip_compare if kind not in PICTURES]
        collector.skip_compare = tuple(compared)


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Remember a cell that fails."""
    if call.when == "call" and call.excinfo is not None and isinstance(item, IPyNbCell):
        different.append(item)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Keep those cells, as stored and as replayed, and say how to look at them side by side."""
    if not different:
        return
    folder = Path(os.environ[FOLDER_VARIABLE])
    stored, replayed = folder / "stored.ipynb", folder / "replayed.ipynb"
    _write(stored, {item: item.cell.outputs for item in different})
    _write(replayed, {item: item.test_outputs or [] for item in different})
    terminalreporter.line("What came out is not what was stored. To see both side by side:")
    terminalreporter.line(f"  nbdiff-web {stored} {replayed}")


def _write(path: Path, found: dict[IPyNbCell, list[Any]]) -> None:
    node = nbformat.v4.new_notebook()
    for item, outputs in found.items():
        cell = deepcopy(item.cell)
        cell.outputs = outputs
        node.cells += [nbformat.v4.new_markdown_cell(f"## {item.nodeid}"), cell]
    for index, cell in enumerate(node.cells):
        cell.id = f"cell-{index}"  # the same in both, so that they are matched
    atomic.write_text(path, nbformat.writes(node) + "\n")
