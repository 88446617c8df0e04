"""Where two outputs differ is said by cell and line, key, column and row, or byte."""

import json
from pathlib import Path

import pandas as pd
import pytest
from mini_study import cell, notebook

from headrace.verify import file_diff


def _run(*outputs: str, source: str = "print()") -> str:
    """Return a run: a heading, injected parameters, and a cell that printed these lines."""
    stream = {"output_type": "stream", "name": "stdout", "text": "\n".join(outputs)}
    cells = [cell("# Train", kind="markdown"), cell("seed = 0", "injected-parameters")]
    return notebook(*cells, cell(source) | {"outputs": [stream]})


def _picture(data: str) -> str:
    picture = {"output_type": "display_data", "metadata": {}, "data": {"image/png": data}}
    return notebook(cell("show()") | {"outputs": [picture]})


TEXTS: dict[str, tuple[str, str, str, str]] = {
    "a printed line": (
        "run.ipynb",
        _run("same", "now"),
        _run("same", "then"),
        "cell 2 (c2), stdout, line 2: `now`, it was `then`",
    ),
    "a line that is new": (
        "run.ipynb",
        _run("same", "now"),
        _run("same"),
        "cell 2 (c2), stdout, line 2: `now`, it was nothing",
    ),
    "a parameter": (
        "run.ipynb",
        _run().replace("seed = 0", "seed = 1"),
        _run(),
        "the injected parameters, source, line 1: `seed = 1`, it was `seed = 0`",
    ),
    "a picture": (
        "run.ipynb",
        _picture("aaaa"),
        _picture("aaab"),
        "cell 1 (c0), output (image/png)",
    ),
    "a cell more": (
        "run.ipynb",
        notebook(cell("1"), cell("2")),
        notebook(cell("1")),
        "2 cells, it had 1",
    ),
    "a metric": (
        "m.json",
        '{"model": {"roc_auc": 0.71, "n": 3}}',
        '{"model": {"roc_auc": 0.72, "n": 3}}',
        "model.roc_auc is 0.71, it was 0.72",
    ),
    "a metric that is gone": ("m.json", '{"a": 1}', '{"a": 1, "b": 2}', "b is missing, it was 2"),
    "many metrics": (
        "m.json",
        json.dumps(dict.fromkeys("abcde", 1)),
        json.dumps(dict.fromkeys("abcde", 2)),
        "a is 1, it was 2; b is 1, it was 2; c is 1, it was 2; 2 more",
    ),
    "a metric in a list": ("m.json", "[1]", "[2]", "0 is 1, it was 2"),
    "a cell of a CSV": (
        "t.csv",
        "a,b\n1,x\n2,y\n",
        "a,b\n1,x\n2,z\n",
        "column b, row 2: `y`, it was `z` (1 rows differ)",
    ),
    "a column": ("t.tsv", "a\tb\n1\t2\n", "a\tc\n1\t2\n", "columns a, b; it had a, c"),
    "a row more": ("t.csv", "a\n1\n2\n", "a\n1\n", "2 rows, it had 1"),
    "the line ends of equal rows": (
        "t.csv",
        "a\n1\n",
        "a\r\n1\n",
        "byte 2 of 4 (4 bytes, it had 5)",
    ),
    "any other text": ("p.svg", "<svg 1>", "<svg 2>", "byte 6 of 7"),
    "a text that goes on": ("p.svg", "<svg>", "<svg>\n", "5 bytes, it had 6"),
    "no notebook at all": ("run.ipynb", "{", "}", "byte 1 of 1"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_place_of_the_first_difference_is_named(tmp_path: Path, name: str) -> None:
    file, new, old, says = TEXTS[name]
    output, cached = tmp_path / file, tmp_path / "d41d8cd98f"  # DVC's cache keeps no suffix
    output.write_text(new, newline="")
    cached.write_text(old, newline="")
    assert file_diff.describe(output, cached) == says


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ({"a": [1.0, None, 4.0]}, "column a, row 3: `4.0`, it was `3.0` (1 rows differ)"),
        ({"a": [1.0, 2.0, 3.0]}, "column a, row 2: `2.0`, it was `nan` (1 rows differ)"),
        ({"a": ["1", None, "3"]}, "column a is str, it was float64"),
    ],
)
def test_a_table_is_compared_by_column_and_row(
    tmp_path: Path, new: dict[str, list[object]], says: str
) -> None:
    output, cached = tmp_path / "t.parquet", tmp_path / "cached"
    pd.DataFrame(new).to_parquet(output)
    pd.DataFrame({"a": [1.0, None, 3.0]}).to_parquet(cached)
    assert file_diff.describe(output, cached) == says


def test_equal_rows_in_other_bytes_are_told_by_the_byte(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": range(1000)})
    table.to_parquet(tmp_path / "t.parquet", compression="gzip")
    table.to_parquet(tmp_path / "cached", compression=None)
    assert file_diff.describe(tmp_path / "t.parquet", tmp_path / "cached").startswith("byte ")


def test_a_byte_beyond_the_first_block_is_found(tmp_path: Path) -> None:
    output, cached = tmp_path / "x.bin", tmp_path / "cached"
    content = bytearray(3 * file_diff.BLOCK)
    cached.write_bytes(content)
    content[2 * file_diff.BLOCK + 7] = 1
    output.write_bytes(content)
    assert file_diff.describe(output, cached) == "byte 2,097,160 of 3,145,728"


@pytest.mark.parametrize(
    ("new", "old", "near"),
    [
        ('{"a": 1.001, "b": {"c": 0}}', '{"a": 1.0, "b": {"c": 0}}', True),
        ('{"a": 1.1}', '{"a": 1.0}', False),
        ('{"a": 1.0, "b": 1}', '{"a": 1.0}', False),
        ('{"a": 1.0, "kind": "x"}', '{"a": 1.0, "kind": "x"}', True),
        ('{"a": 1.0, "kind": "x"}', '{"a": 1.0, "kind": "y"}', False),
        ("[1.0]", "[1.001]", True),
        ("1.0", "1.001", True),
        ('"a"', '"a"', False),
        ("{", "{", False),
    ],
)
def test_metrics_are_near_each_other_and_what_is_none_is_not(
    tmp_path: Path, new: str, old: str, near: bool
) -> None:
    output, cached = tmp_path / "m.json", tmp_path / "cached"
    output.write_text(new)
    cached.write_text(old)
    assert file_diff.within(output, cached, tolerance=0.01) is near
