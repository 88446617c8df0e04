"""Say why a stage failed, and where: cell, line, error, and what to do next."""

import re

import nbformat

from headrace import errors, normal

LINE = re.compile(r"Cell In\[\d+\], line (\d+)")
FRAME = re.compile(r"(?:File )?\S*?((?:src|notebooks)/[\w/]+\.py):(\d+), in (\w+)")
ANSI = re.compile(r"\x1b\[[0-9;]*m")
OWN = {name for name in vars(errors) if name.endswith("Error")}


def message(name: str, node: nbformat.NotebookNode, failed: int, notebook: str) -> str:
    """Describe the cell at which a run stopped short; `failed` is its index in the run."""
    cell = node.cells[failed]
    error = next((out for out in cell.outputs if out.output_type == "error"), None)
    number = sum(
        normal.INJECTED not in c.metadata.get("tags", []) for c in node.cells[: failed + 1]
    )
    return "\n".join(
        [
            f"Stage {name} failed in cell {number} of {notebook}{_where(cell, error)}",
            *_what(error),
            f"The notebook as far as it got is runs/failed/{name}.ipynb.",
            f"Next: headrace debug {name}   (opens it in JupyterLab, with its parameters)",
        ]
    )


def _trace(error: nbformat.NotebookNode) -> str:
    return ANSI.sub("", "\n".join(error.traceback))


def _where(cell: nbformat.NotebookNode, error: nbformat.NotebookNode | None) -> str:
    """Name the line that failed and show it; where no line is known, show the first."""
    found = LINE.findall(_trace(error)) if error else []
    lines = cell.source.splitlines() or [""]
    number = min(int(found[0]), len(lines)) if found else 1
    place = f", line {number}" if found else ""
    return f"{place}:\n    {lines[number - 1].strip()}"


def _what(error: nbformat.NotebookNode | None) -> list[str]:
    """Return the error's own words, and the deepest line of the project's code it came from."""
    if error is None:
        return ["The process died in it. Was there enough memory? Is there a crash in a C library?"]
    if error.ename in OWN:
        return [str(error.evalue)]
    frames = FRAME.findall(_trace(error))
    place = [f"    at {frames[-1][0]}, line {frames[-1][1]}, in {frames[-1][2]}"] if frames else []
    return [*place, f"{error.ename}: {error.evalue}"]
