"""A small study in which `headrace check` finds nothing, for the tests to spoil."""

import hashlib
import json
import os
import sys
from pathlib import Path

from in_process import headrace
from mini_study import DEFAULTS, PYPROJECT, Mini, cell, notebook

from lab import bake

DVC = """\
# One stage.
stages:
  train:
    cmd: headrace run train
    deps:
      - notebooks/01_train.ipynb
      - requirements.lock
      # what it reads
      - data/table.csv
      - src/mini/model.py # its model
      - src/mini/paths.py
    params:
      - seed
      - compute
      - train
    outs:
      - models/model.bin
      - runs/train.ipynb
    metrics:
      - metrics/train.json:
          cache: false
"""
PATHS = """\
from pathlib import Path

root = Path(__file__).resolve().parents[2]
table = root / "data/table.csv"
model = root / "models/model.bin"
scores = root / "metrics/train.json"
other = root / "data/other.csv"
folder = root / "data"


def away(name: str) -> Path:
    return root / name
"""
CODE = (
    "from mini import model, paths",
    "lines = paths.table.read_text().splitlines()",
    "paths.model.write_text(model.fit(lines))\npaths.scores.write_text('{}')",
)
NOTEBOOK = "notebooks/01_train.ipynb"


class Tidy(Mini):
    """A project of one stage, under git, that keeps every rule."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.write("pyproject.toml", PYPROJECT + 'paths = "mini.paths"\n')
        self.write("dvc.yaml", DVC)
        self.write("data/table.csv", "a,b\n1,2\n")
        self.write("src/mini/paths.py", PATHS)
        self.write("src/mini/model.py", "def fit(lines: list[str]) -> str:\n    return 'model'\n")
        self.write(".gitignore", ".headrace/\n__pycache__/\n/data/\n/models/\n/runs/\n")
        self.code()
        bake.run(root, "git", "init", "--quiet", "--initial-branch=main")
        self.add()

    def add(self) -> None:
        """Have git track all there is."""
        bake.run(self.root, "git", "add", "--all")

    def code(self, *sources: str, defaults: str = DEFAULTS) -> None:
        """Give the stage a notebook: a title, its parameters cell, its three cells, and these."""
        code = [cell(source) for source in (*CODE, *sources)]
        title = cell("# Train", kind="markdown")
        self.write(NOTEBOOK, notebook(title, cell(defaults, "parameters"), *code))

    def spoil(self, number: int = 2, **changes: object) -> None:
        """Set keys of a cell (by default of the parameters cell; 0 is the notebook's metadata)."""
        content = json.loads((self.root / NOTEBOOK).read_text("utf-8"))
        target = content["cells"][number - 1] if number else content["metadata"]
        for key, value in changes.items():
            target[key] = value
        self.write(NOTEBOOK, json.dumps(content, indent=1) + "\n")

    def lock(self, run: str = "runs/train.ipynb") -> None:
        """Write what the stage makes, and dvc.lock as DVC would write it after running it."""
        for name in ("models/model.bin", "runs/train.ipynb", "metrics/train.json"):
            self.write(name, run if name.endswith(".ipynb") else name)
        deps = [
            NOTEBOOK,
            "requirements.lock",
            "data/table.csv",
            "src/mini/model.py",
            "src/mini/paths.py",
        ]
        outs = ["models/model.bin", "runs/train.ipynb", "metrics/train.json"]
        params = {
            "seed": 7,
            "compute": {"threads": 1},
            "train": {"max_iter": 20, "rate": 0.5, "name": "first"},
        }
        stage = {
            "cmd": "headrace run train",
            "deps": list(map(self._hashed, deps)),
            "params": {"params.yaml": params},
            "outs": list(map(self._hashed, outs)),
        }
        content = {"schema": "2.0", "stages": {"train": stage}}
        self.write("dvc.lock", json.dumps(content, indent=1) + "\n")

    def _hashed(self, name: str) -> dict[str, object]:
        content = (self.root / name).read_bytes()
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return {"path": name, "hash": "md5", "md5": md5, "size": len(content)}

    def own_check(self, *words: str) -> str:
        """Return what `headrace check` says in the study's own environment.

        That holds nothing but what this one has, which it borrows.
        """
        borrowed = os.pathsep.join(path for path in sys.path if path)
        command = (str(self.root / ".venv/bin/python"), "-m", "headrace", "check", *words)
        env = bake.environment(PYTHONPATH=borrowed)
        return bake.run(self.root, *command, check=False, env=env).stdout

    def check(self, *words: str) -> str:
        """Return what `headrace check` says, which is never a traceback."""
        result = headrace(self.root, "check", *words)
        assert "Traceback" not in result.stdout, result.stdout
        assert result.returncode == (0 if result.stdout.endswith(" passed.\n") else 1)
        return result.stdout
