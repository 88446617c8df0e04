"""The study's own modules that a cell imports, each with its chain."""

import ast
from pathlib import Path

import pytest

from headrace.core.imports import Graph

MODULES = {
    "own/__init__.py": '"""A package that says nothing."""\n',
    "own/a.py": "from own import b\n",
    "own/b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from own import c\n",
    "own/c.py": "import own.a\n",
    "own/broken.py": "def :\n",
    "full/__init__.py": "import own.b\n",
}


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("import own.a", {"src/own/a.py": ("own.a",), "src/own/b.py": ("own.a", "own.b")}),
        ("from own import c as x", {"src/own/c.py", "src/own/a.py", "src/own/b.py"}),
        ("import full", {"src/full/__init__.py", "src/own/b.py"}),
        ("import own", set()),
        ("import own.broken", {"src/own/broken.py"}),
        ("import numpy", set()),
    ],
)
def test_a_cell_needs_what_it_imports_and_what_that_imports(
    source: str, files: set[str] | dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    for name, text in MODULES.items():
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    reached = Graph(tmp_path, tmp_path / "src").files(ast.parse(source))
    assert (reached if isinstance(files, dict) else {*reached}) == files
