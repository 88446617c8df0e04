"""A study to plant faults in: many small stages, under git and DVC, and a fault for each."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from textwrap import dedent
from typing import Any

from mini_study import PYPROJECT, cell, notebook

from lab import bake

MODEL = """\
from pydantic import BaseModel, ConfigDict


class Params(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    seed: int
"""


@dataclass
class Stage:
    """A stage of the study: its notebook's cells, its outs and deps beyond the usual ones."""

    cells: tuple[str, ...]
    outs: list[str] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)
    deps: list[str] = field(default_factory=list)


class Planted:
    """A small study of many stages, under git and DVC."""

    def __init__(self, root: Path, stages: dict[str, Stage]) -> None:
        self.root, self.temporary = root, root.parent / f"{root.name}-tmp"
        self.temporary.mkdir(parents=True)
        self.write("pyproject.toml", PYPROJECT)
        self.write("params.yaml", "seed: 7\n")
        self.write("src/mini/__init__.py", "")
        self.write("src/mini/params.py", MODEL)
        self.write("requirements.lock", "")
        self.write("data/raw.csv", "value\n1\n2\n3\n")
        self.write("runs/.gitignore", "/*.ipynb\n/failed\n/.partial\n")
        self.write(".gitignore", "/.headrace\n__pycache__\n")
        self.write("metrics/.gitkeep", "")
        self.write("made/.gitignore", "/*\n!.gitignore\n")
        self.stages(stages)
        bake.run(root, "git", "init", "--quiet", "--initial-branch=main")
        bake.run(root, "dvc", "init", "--quiet", "--force")

    def stages(self, stages: dict[str, Stage]) -> None:
        """Write the notebooks and dvc.yaml."""
        entries = {}
        for name, stage in stages.items():
            path = f"notebooks/{name}.ipynb"
            cells = [cell(source) for source in stage.cells]
            self.write(path, notebook(cell("seed = 0", "parameters"), *cells))
            entries[name] = {
                "cmd": f"headrace run {name}",
                "deps": [path, "requirements.lock", *stage.deps],
                "params": ["seed"],
                "outs": [*stage.outs, f"runs/{name}.ipynb"],
                "metrics": [{metric: {"cache": False}} for metric in stage.metrics],
            }
        cost = [f"metrics/cost/{name}.json" for name in stages]
        self.write("dvc.yaml", json.dumps({"stages": entries, "metrics": cost}, indent=1))

    def write(self, name: str, text: str) -> None:
        """Write a file of the study."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def reproduce(self) -> None:
        """Run the pipeline and commit what it made."""
        bake.run(self.root, "dvc", "repro")
        bake.commit(self.root)

    def verify(self, *words: str, **variables: str) -> CompletedProcess[str]:
        """Run `headrace verify`, with a folder of its own for temporary files."""
        env = bake.environment(**{"TMPDIR": str(self.temporary), **variables})
        return bake.run(self.root, "headrace", "verify", *words, check=False, env=env)

    def certificate(self) -> dict[str, Any]:
        """Return the one certificate that there is."""
        (path,) = self.root.glob(".headrace/certificates/*.json")
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        assert content["tree"] == path.stem
        return content

    def state(self) -> dict[str, bytes]:
        """Return every file of the study, git's own among them, but for the certificates."""
        ignored = self.root / ".headrace"
        return {
            str(path): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and not path.is_relative_to(ignored)
        }


@dataclass
class Fault:
    """A stage that does what it must not, and what is to be said of it."""

    stage: Stage
    says: str


def stage(*cells: str, outs: str = "", metrics: str = "", deps: str = "") -> Stage:
    """Return a stage of these cells; outs, metrics and deps are words in a line."""
    texts = tuple(dedent(text).strip() for text in cells)
    return Stage(texts, outs.split(), metrics.split(), deps.split())


SOUND = stage(
    """
    import json
    from pathlib import Path
    Path("made").mkdir(exist_ok=True)
    Path("made/model").write_text(str(seed))
    Path("metrics/m.json").write_text(json.dumps({"a": seed / 3}))
    """,
    outs="made/model",
    metrics="metrics/m.json",
)
READS = stage(
    """
    from pathlib import Path
    Path("made").mkdir(exist_ok=True)
    Path("made/sound.txt").write_text(Path("data/raw.csv").read_text())
    """,
    outs="made/sound.txt",
    deps="data/raw.csv",
)

FAULTS = {
    "undeclared_input": Fault(
        stage("import pandas\nlen(pandas.read_parquet('made/table.parquet'))"),
        "reads made/table.parquet, which is not among its deps",
    ),
    "undeclared_text": Fault(
        stage("len(open('data/raw.csv').read())"), "reads data/raw.csv, which is not among its deps"
    ),
    "undeclared_module": Fault(
        stage("from mini import extra"), "reads src/mini/extra.py, which is not among its deps"
    ),
    "untracked_module": Fault(
        stage("from mini import untracked"), "reads src/mini/untracked.py, which is not among its"
    ),
    "outside": Fault(
        stage("import mini, pathlib\nlen((pathlib.Path(OUTSIDE)).read_text())"), "outside the study"
    ),
    "undeclared_output": Fault(
        stage("open('made/more.txt', 'w').write('more')"),
        "writes made/more.txt, which is not among its outs",
    ),
    "changed_file": Fault(
        stage("open('data/kept.csv', 'r+').write('v')"),
        "changes data/kept.csv, which is not among its outs",
    ),
    "library_path": Fault(
        stage("import nbformat, sys\nprint(nbformat.__file__.startswith(sys.prefix), sys.prefix)"),
        "runs/library_path.ipynb differs",
    ),
    "unseeded": Fault(
        stage(
            "import random\nopen('made/draw', 'wb').write(random.randbytes(99))", outs="made/draw"
        ),
        "made/draw differs: byte 1 of 99",
    ),
    "unordered": Fault(
        stage(
            """
            import json
            first = {f"name-{number}" for number in range(50)}.pop()
            with open("metrics/unordered.json", "w") as file:
                json.dump({first: 1, "n": 2}, file)
            """,
            metrics="metrics/unordered.json",
        ),
        "metrics/unordered.json differs: name-",
    ),
    "stamped": Fault(
        stage(
            """
            import time
            import pandas as pd
            table = pd.DataFrame({"a": [1, 2], "at": [0.0, time.time()]})
            table.to_parquet("made/table.parquet")
            """,
            outs="made/table.parquet",
        ),
        "made/table.parquet differs: column at, row 2: `1",
    ),
    "absolute": Fault(
        stage("'calm'", "import os\nprint('calm')\nprint(os.getcwd())"),
        "runs/absolute.ipynb differs: cell 3 (c2), stdout, line 2: `/",
    ),
    "chunked": Fault(
        stage(
            """
            import json, os
            import numpy as np
            values = np.tile([1e16, 1.0, -1e16, 0.1], 999)
            parts = [part.sum() for part in np.array_split(values, os.cpu_count())]
            with open("metrics/chunked.json", "w") as file:
                json.dump({"sum": float(sum(parts))}, file)
            """,
            metrics="metrics/chunked.json",
        ),
        "metrics/chunked.json differs: sum is ",
    ),
    "networked": Fault(
        stage("import urllib.request\nlen(urllib.request.urlopen(PAGE).read())"),
        "accesses the network: ",
    ),
    "asking": Fault(
        stage(
            """
            import socket
            try:
                socket.getaddrinfo("host.invalid", 443)
            except OSError:
                "then without"
            """
        ),
        "accesses the network: host.invalid:443",
    ),
    "dated": Fault(
        stage("import datetime\nprint(datetime.date.today())"),
        "runs/dated.ipynb differs: cell 2 (c1), stdout, line 1: `",
    ),
    "homely": Fault(
        stage("import os\nprint(os.environ.get('PLANTED'), os.path.expanduser('~'))"),
        "runs/homely.ipynb differs: cell 2 (c1), stdout, line 1: `None /",
    ),
    "masked": Fault(
        stage("import os\nprint(oct(os.umask(0o22)))"),
        "runs/masked.ipynb differs: cell 2 (c1), stdout, line 1: ",
    ),
}
"""What keeps a stage from giving the same again, or from saying what it takes and makes."""
