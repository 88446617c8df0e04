"""Describe why a stage failed, and where: cell, line, error, and the next step."""

import re
import shlex
import signal
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from headrace import errors
from headrace.core import notebook
from headrace.core.project import Project
from headrace.core.stage import Stage, file_name
from headrace.execution import isolation, output_masks, partial_run
from headrace.execution.progress import StageState

if TYPE_CHECKING:
    import nbformat

LINE = re.compile(r"Cell In\[\d+\], line (\d+)")
FRAME = re.compile(r"File ((?!src/headrace/execution)(?:src|notebooks)/[\w/]+\.py):(\d+), in (\w+)")
"""A line of the project's code in a traceback, made relative; the engine's own is none of it."""
ANSI = re.compile(r"\x1b\[[0-9;]*m")
MEMORY = "Was there enough memory? Is there a crash in a C library?"
ENDED = "Does a thread or an exit function call os._exit? Was there enough memory?"
OWN = {name for name in vars(errors) if name.endswith("Error")}


def describe_error(
    root: Path,
    name: str,
    node: "nbformat.NotebookNode",
    failed: int,
    where: str,
    raised: BaseException | None = None,
) -> str:
    """Describe the cell at which a run of the project in `root` stopped; `failed` is its index.

    `raised` is the error that the cell ended in: IPython shows some, such as that of an unknown
    magic, as text on stderr only.
    """
    cell = node.cells[failed]
    place = f"cell {number(node, failed)} of {where}"
    error = next((out for out in cell.outputs if out.output_type == "error"), None)
    head = f"Stage {name} failed in {place}{_failing_line(cell, error)}"
    return "\n".join([head, *_error_lines(root, error, raised), *_next_steps(name)])


def describe_interruption(name: str, cell: int, where: str, by: str) -> str:
    """Describe a run that Ctrl-C or a signal ended in a cell, by its number."""
    head = f"Stage {name} was interrupted ({by}) in cell {cell} of {where}."
    return "\n".join([head, *_next_steps(name)])


def describe_death(project: Project, stage: Stage, state: StageState, code: int) -> str:
    """Describe a run whose process ended without a message; keep its partial notebook.

    `code` is the exit code, negative for the signal that ended the process.
    """
    name, path = file_name(stage.name), project.notebook(stage)
    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    reason = f"The process died in it, {how}. {MEMORY}"
    if state.error:
        reason = f"The notebook could not be run to its end: {state.error}"
    elif state.deadline < time.monotonic():
        reason = "It was ended from outside: the cell's or the notebook's time is up."
    kept = partial_run.keep(project, name)
    if not state.cell:
        problem = f": {state.error}" if state.error else f", {how}. Next: see the free memory"
        return f"Stage {name} died before its first cell{problem}"
    place = f"cell {state.cell} of {notebook.name(path)}"
    steps = [] if kept is None else _next_steps(name)
    if not state.running and (kept is None or not state.error):
        problem = state.error or f"it ended {how}, and its result was not checked. {ENDED}"
        next_step = [] if steps else [f"Next: {stage.command()}"]
        return "\n".join([f"Stage {name} died after {place}: {problem}", *(steps or next_step)])
    lines = notebook.read(path).node.cells[state.cell - 1].source.splitlines()
    head = f"Stage {name} failed in {place}:\n    {next(iter(lines), '')}"
    return "\n".join([head, reason, *steps])


def unexpected(error: BaseException) -> str:
    """Describe an error that no rule covers: its name and text, and where it came up."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


def number(node: "nbformat.NotebookNode", index: int) -> int:
    """Return a cell's number in the source notebook, from 1, by its index in the run."""
    return sum(notebook.INJECTED not in c.metadata.get("tags", []) for c in node.cells[: index + 1])


def _next_steps(name: str) -> list[str]:
    if isolation.active():  # a clean room is deleted with its files
        return []
    return [
        f"The notebook as far as it got is runs/failed/{name}.ipynb.",
        f"To look into it: headrace debug {shlex.quote(name)}"
        "   (opens it in JupyterLab, with its parameters)",
    ]


def _trace(error: "nbformat.NotebookNode") -> str:
    return ANSI.sub("", "\n".join(error.traceback))


def _failing_line(cell: "nbformat.NotebookNode", error: "nbformat.NotebookNode | None") -> str:
    """Name the line that failed and show it; where no line is known, show the first."""
    numbers = LINE.findall(_trace(error)) if error else []
    lines = cell.source.splitlines() or [""]
    line = min(int(numbers[0]), len(lines)) if numbers else 1
    place = f", line {line}" if numbers else ""
    return f"{place}:\n    {lines[line - 1].strip()}"


def _error_lines(
    root: Path, error: "nbformat.NotebookNode | None", raised: BaseException | None
) -> list[str]:
    """Return the error's message, and the deepest line of the project's code in its traceback."""
    if error is None and raised is not None:
        return [f"{type(raised).__name__}: {raised}"]
    if error is None:
        return [f"Its kernel died in it, or was stopped for taking too long. {MEMORY}"]
    if error.ename in OWN:
        return [str(error.evalue)]
    frames = FRAME.findall(output_masks.relative_paths(root)(_trace(error)))
    place = [f"    at {frames[-1][0]}, line {frames[-1][1]}, in {frames[-1][2]}"] if frames else []
    return [*place, f"{error.ename}: {error.evalue}"]
