"""The same notebook gives the same outputs by papermill's engine and by headrace, cell by cell."""

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mini_study
import nbformat
import pytest
from mini_study import cell, notebook
from notebook_corpus import CORPUS

from headrace.execution import normalize
from lab import bake

ENGINES = ("papermill", "headrace")
KEPT = {
    "writing to streams by hand": "the last frame of the traceback lies in the engine's own code",
    "deep recursion": "the engine's own frames lie below a kernel's, so a few more calls fit in",
}
"""Notebooks whose tracebacks differ on purpose, and why; name and words of the error must agree."""

Outputs = list[tuple[int | None, list[dict[str, object]]]]


def _prepare(folder: Path, name: str) -> None:
    folder.mkdir(parents=True)
    cells = [("", entry) if isinstance(entry, str) else entry for entry in CORPUS[name]]
    text = notebook(*(cell(source, *tags.split()) for tags, source in cells))
    (folder / "in.ipynb").write_text(text)


def _execute(root: Path, engine: str, names: list[str]) -> None:
    environment = bake.environment(IPYTHONDIR=str(root / "ipython"))
    environment.pop("PYTEST_CURRENT_TEST", None)  # a kernel that sees it leaves descriptors alone
    folders = [str(root / engine / name) for name in names]
    script = Path(mini_study.__file__).with_name("run_notebooks.py")
    bake.run(root, sys.executable, str(script), engine, *folders, env=environment)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every notebook executed by both engines."""
    root = tmp_path_factory.mktemp("parity")
    names = list(CORPUS)
    for engine in ENGINES:
        for name in names:
            _prepare(root / engine / name, name)
    with ThreadPoolExecutor(2) as pool:
        halves = [(engine, names[half::2]) for engine in ENGINES for half in (0, 1)]
        for future in [pool.submit(_execute, root, *half) for half in halves]:
            future.result()
    return root


def _outputs(path: Path) -> Outputs:
    """Return count and outputs of each cell, without what no two runs have in common.

    That is the folder of the run, and the number of the process in the name of a cell's code.
    """
    text = path.read_text("utf-8").replace(str(path.parent), "FOLDER")
    text = re.sub(r"/tmp/ipykernel_\d+/", "/tmp/ipykernel_0/", text)
    node = normalize.normalize(nbformat.reads(text, as_version=4))
    code = [cell for cell in node.cells if cell.cell_type == "code"]
    return [(cell.execution_count, json.loads(json.dumps(cell.outputs))) for cell in code]


def _without_tracebacks(outputs: Outputs) -> Outputs:
    return [
        (count, [{k: v for k, v in output.items() if k != "traceback"} for output in cell_outputs])
        for count, cell_outputs in outputs
    ]


@pytest.mark.parametrize("name", CORPUS)
def test_outputs_are_the_same_as_papermills(root: Path, name: str) -> None:
    by_papermill, by_headrace = (_outputs(root / engine / name / "out.ipynb") for engine in ENGINES)
    if name in KEPT:
        assert by_papermill != by_headrace, "this difference is gone: take it off the list"
        by_papermill, by_headrace = map(_without_tracebacks, (by_papermill, by_headrace))
    assert by_headrace == by_papermill


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(CORPUS) >= 40
