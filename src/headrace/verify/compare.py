"""Where two files differ: the cell and line of a notebook, the key of a metric, the row of a table.

`new` is what came out, `old` what had come out before; `describe` says it in one line.
"""

import json
import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from headrace.core.metrics import leaves
from headrace.execution import normalize

TABLES = (".parquet", ".csv", ".tsv")
SHOWN = 100
"""Characters of a line that are shown; the rest is left out."""
BLOCK = 1 << 20


def describe(new: Path, old: Path) -> str:
    """Say where two files of the same name differ."""
    kinds = {".ipynb": _notebooks, ".json": _metrics, **dict.fromkeys(TABLES, _tables)}
    try:
        found = kinds.get(new.suffix, _bytes)(new, old)
    except Exception:  # what is no such file after all can fail in any reader in any way
        found = ""
    return found or _bytes(new, old)


class Line(NamedTuple):
    """One line of what a cell shows: the part it belongs to, its number in it, its text."""

    part: str = ""
    number: int = 0
    text: str = ""


def _notebooks(new: Path, old: Path) -> str:
    """Name the first cell that differs, and the line in it."""
    mine, theirs = (json.loads(path.read_text("utf-8"))["cells"] for path in (new, old))
    if len(mine) != len(theirs):
        return f"{len(mine)} cells, it had {len(theirs)}"
    number = 0
    for one, other in zip(mine, theirs, strict=True):
        injected = normalize.INJECTED in one.get("metadata", {}).get("tags", [])
        number += not injected
        place = "the injected parameters" if injected else f"cell {number} ({one.get('id')})"
        if found := _cells(one, other):
            return f"{place}, {found}"
    return ""


def _cells(new: dict[str, Any], old: dict[str, Any]) -> str:
    for mine, theirs in zip_longest(_lines(new), _lines(old), fillvalue=Line()):
        part = mine.part or theirs.part
        if mine != theirs and "(image/" in part:
            return part
        if mine != theirs:
            number = mine.number or theirs.number
            return f"{part}, line {number}: {_shown(mine.text)}, it was {_shown(theirs.text)}"
    return ""


def _lines(cell: dict[str, Any]) -> Iterator[Line]:
    """Walk what a cell shows, its source and its outputs, line by line."""
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
    mine, theirs = (dict(leaves(json.loads(path.read_text("utf-8")))) for path in (new, old))
    found = [
        f"{key} is {mine.get(key, 'gone')}, it was {theirs.get(key, 'not there')}"
        for key in dict.fromkeys([*theirs, *mine])
        if mine.get(key, math.nan) != theirs.get(key, math.nan)
    ]
    more = f"; {len(found) - 3} more" if len(found) > 3 else ""
    return "; ".join(found[:3]) + more


def _tables(new: Path, old: Path) -> str:
    """Name the first column and row that differ."""
    read = _reader(new.suffix)  # in DVC's cache a file's name says nothing
    mine, theirs = read(new), read(old)
    if list(mine.columns) != list(theirs.columns):
        return f"columns {', '.join(mine.columns)}; it had {', '.join(theirs.columns)}"
    if len(mine) != len(theirs):
        return f"{len(mine):,} rows, it had {len(theirs):,}"
    for name in mine.columns:
        one, other = mine[name], theirs[name]
        if one.dtype != other.dtype:
            return f"column {name} is {one.dtype}, it was {other.dtype}"
        differs = ~((one == other) | (one.isna() & other.isna()))
        if differs.any():
            row = int(differs.to_numpy().argmax())
            values = f"{_shown(str(one.iloc[row]))}, it was {_shown(str(other.iloc[row]))}"
            return f"column {name}, row {row + 1}: {values} ({int(differs.sum()):,} rows differ)"
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
    with new.open("rb") as mine, old.open("rb") as theirs:
        for start in range(0, min(sizes), BLOCK):
            one, other = mine.read(BLOCK), theirs.read(BLOCK)
            if one != other:
                pairs = enumerate(zip(one, other, strict=False))
                place = next((index for index, (a, b) in pairs if a != b), None)
                if place is None:
                    break  # one is the beginning of the other
                more = f" ({ends})" if ends else ""
                return f"byte {start + place + 1:,} of {sizes[0]:,}{more}"
    return ends


def _shown(line: str) -> str:
    short = line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
    return f"`{short}`" if short else "nothing"


def within(new: Path, old: Path, *, tolerance: float) -> bool:
    """Tell whether two files hold the same metrics, but for this relative difference.

    Raises nothing: what holds no metrics is not within.
    """
    try:
        mine, theirs = (dict(leaves(json.loads(path.read_text("utf-8")))) for path in (new, old))
    except (ValueError, AttributeError):  # no JSON, or no names and values
        return False
    return mine.keys() == theirs.keys() and all(
        _near(mine[key], theirs[key], tolerance) for key in mine
    )


def _near(one: object, other: object, tolerance: float) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance * 1e-3)
    return one == other
