"""Where two files differ: cell and line of a notebook, key of a metric, row of a table, byte.

`new` is the output of this run, `old` the recorded one.
"""

import json
import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from headrace.core import metrics, notebook
from headrace.core.metrics import leaves

METRICS = (".json", ".yaml", ".yml", ".toml")
TABLES = (".parquet", ".csv", ".tsv")
SHOWN = 100
"""The number of characters of a line that are shown."""
BLOCK = 1 << 20


def describe(new: Path, old: Path) -> str:
    """Return the first difference of two files in one line, by their kind."""
    readers = {
        ".ipynb": _notebooks,
        **dict.fromkeys(METRICS, _metrics),
        **dict.fromkeys(TABLES, _tables),
    }
    try:
        difference = readers.get(new.suffix, _bytes)(new, old)
    except Exception:  # a file that is not of its kind can fail in its reader in any way
        difference = ""
    return difference or _bytes(new, old)


class Line(NamedTuple):
    """One line of a cell: the part that it belongs to, its number there, its text."""

    part: str = ""
    number: int = 0
    text: str = ""


def _notebooks(new: Path, old: Path) -> str:
    """Name the first cell that differs, and the line in it."""
    new_cells, old_cells = (json.loads(path.read_text("utf-8"))["cells"] for path in (new, old))
    if len(new_cells) != len(old_cells):
        return f"{len(new_cells)} cells, it had {len(old_cells)}"
    number = 0
    for new_cell, old_cell in zip(new_cells, old_cells, strict=True):
        is_injected = notebook.INJECTED in new_cell.get("metadata", {}).get("tags", [])
        number += not is_injected  # the reader knows the source notebook, which has no such cell
        cell_id = new_cell.get("id")
        place = "the injected parameters" if is_injected else f"cell {number} ({cell_id})"
        if difference := _cells(new_cell, old_cell):
            return f"{place}, {difference}"
    return ""


def _cells(new: dict[str, Any], old: dict[str, Any]) -> str:
    for new_line, old_line in zip_longest(_lines(new), _lines(old), fillvalue=Line()):
        part = new_line.part or old_line.part
        if new_line != old_line and "(image/" in part:
            return part
        if new_line != old_line:
            number = new_line.number or old_line.number
            lines = f"{_quoted(new_line.text)}, it was {_quoted(old_line.text)}"
            return f"{part}, line {number}: {lines}"
    return ""


def _lines(cell: dict[str, Any]) -> Iterator[Line]:
    """Yield the lines of a cell's source and outputs."""
    for part, text in _parts(cell):
        content = text if isinstance(text, str) else json.dumps(text, sort_keys=True)
        for index, line in enumerate(content.splitlines()):
            yield Line(part, index + 1, line)


def _parts(cell: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "source", _joined(cell.get("source", ""))
    for output in cell.get("outputs", []):
        kind = output["output_type"]
        if kind == "stream":
            yield output["name"], _joined(output["text"])
        elif kind == "error":
            yield "error", f"{output['ename']}: {output['evalue']}"
        for mime, content in output.get("data", {}).items():
            yield f"output ({mime})", _joined(content)


def _joined(text: Any) -> Any:
    return "".join(text) if isinstance(text, list) else text


def _metrics(new: Path, old: Path) -> str:
    """Name the keys that differ, three at most."""
    new_values, old_values = (_values(path, new.name) for path in (new, old))
    differences = [
        f"{key} is {new_values.get(key, 'missing')}, it was {old_values.get(key, 'missing')}"
        for key in dict.fromkeys([*old_values, *new_values])
        if new_values.get(key, math.nan) != old_values.get(key, math.nan)
    ]
    omitted = f"; {len(differences) - 3} more" if len(differences) > 3 else ""
    return "; ".join(differences[:3]) + omitted


def _values(path: Path, name: str) -> dict[str, Any]:
    return dict(
        leaves(metrics.named(metrics.parse(path.read_bytes(), name)), lists=True)
    )  # DVC's cache has no such name


def _tables(new: Path, old: Path) -> str:
    """Name the first column and row that differ."""
    read = _reader(new.suffix)  # a file in DVC's cache has no suffix
    new_table, old_table = read(new), read(old)
    if list(new_table.columns) != list(old_table.columns):
        return f"columns {', '.join(new_table.columns)}; it had {', '.join(old_table.columns)}"
    if len(new_table) != len(old_table):
        return f"{len(new_table):,} rows, it had {len(old_table):,}"
    for name in new_table.columns:
        column, old_column = new_table[name], old_table[name]
        if column.dtype != old_column.dtype:
            return f"column {name} is {column.dtype}, it was {old_column.dtype}"
        # In pandas a missing value differs from itself.
        differs = ~((column == old_column) | (column.isna() & old_column.isna()))
        if differs.any():
            row = int(differs.to_numpy().argmax())
            value, old_value = (_quoted(str(c.iloc[row])) for c in (column, old_column))
            count = f"{int(differs.sum()):,} rows differ"
            return f"column {name}, row {row + 1}: {value}, it was {old_value} ({count})"
    return ""


def _reader(suffix: str) -> Callable[[Path], Any]:
    import pandas as pd

    if suffix == ".parquet":
        return pd.read_parquet
    separator = "\t" if suffix == ".tsv" else ","
    return partial(pd.read_csv, sep=separator, dtype=str, keep_default_na=False)


def _bytes(new: Path, old: Path) -> str:
    """Name the first byte that differs, from 1."""
    sizes = [path.stat().st_size for path in (new, old)]
    ends = f"{sizes[0]:,} bytes, it had {sizes[1]:,}" if sizes[0] != sizes[1] else ""
    with new.open("rb") as new_file, old.open("rb") as old_file:
        for start in range(0, min(sizes), BLOCK):
            block, old_block = new_file.read(BLOCK), old_file.read(BLOCK)
            if block != old_block:
                pairs = enumerate(zip(block, old_block, strict=False))
                index = next((index for index, (a, b) in pairs if a != b), None)
                if index is None:
                    break  # the shorter file is the beginning of the longer one
                note = f" ({ends})" if ends else ""
                return f"byte {start + index + 1:,} of {sizes[0]:,}{note}"
    return ends


def _quoted(line: str) -> str:
    short = line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
    return f"`{short}`" if short else "nothing"


def within(new: Path, old: Path, *, tolerance: float) -> bool:
    """Tell whether two files hold the same metrics up to this relative difference."""
    try:
        new_values, old_values = (_values(path, new.name) for path in (new, old))
    except (ValueError, AttributeError):  # not JSON, or not a mapping
        return False
    return new_values.keys() == old_values.keys() and all(
        _is_close(value, old_values[key], tolerance) for key, value in new_values.items()
    )


def _is_close(new: object, old: object, tolerance: float) -> bool:
    if isinstance(new, int | float) and isinstance(old, int | float):
        return math.isclose(new, old, rel_tol=tolerance, abs_tol=tolerance * 1e-3)
    return new == old
