"""What DVC accepts in a dvc.yaml, `headrace` takes: it runs, check and verify have no finding."""

import json
from pathlib import Path

import pytest
from mini_study import Mini, cell, notebook

from headrace.core import project
from headrace.execution import sandbox
from lab import bake

MODEL = """\
from pydantic import BaseModel


class Params(BaseModel):
    seed: int
    train: dict[str, int]
    folds: list[int]
    models: dict[str, dict[str, float]]
"""
PARAMS = """\
seed: 7
train:
  rounds: 20
folds: [1, 2]
models:
  tree: {depth: 3.5}
  line: {depth: 1}
"""
DVC = """\
vars:
  - nb: shown
  - conf/vars.yaml
stages:
  each:
    foreach: [a, b/c]
    do:
      cmd: headrace run each
      deps: [notebooks/each.ipynb, requirements.lock]
      params: [train]
      outs: ['out/${item}.txt', 'runs/each-${item}.ipynb']
  named:
    foreach: ${models}
    do:
      cmd: headrace run named
      deps: [notebooks/named.ipynb, requirements.lock]
      params: ['models.${key}']
      outs: ['out/${key}.txt']
  dicts:
    matrix:
      cfg:
        - {name: x, lr: 0.1}
        - {name: y, lr: 1}
      fold: ${folds}
    cmd: headrace run dicts
    deps: [notebooks/dicts.ipynb, requirements.lock]
    outs: ['out/${item.cfg.name}-${item.fold}.txt']
  by_vars:
    cmd: headrace run by_vars
    deps: ['notebooks/${nb}.ipynb', requirements.lock, '${where.conf}']
    params: [seed]
    outs: ['${where.out}/by_vars.txt']
  other_files:
    cmd: headrace run other_files
    deps: [notebooks/other_files.ipynb, requirements.lock]
    params:
      - train
      - conf/more.yaml:
          - y
          - block.inner
      - params.json:
      - conf/more.toml: [toml]
      - conf/more.py: [Py.values]
    outs: [out/other_files.txt]
  whole:
    cmd: headrace run whole
    deps: [notebooks/whole.ipynb, requirements.lock]
    params:
      - params.yaml:
    outs: [out/whole.txt]
  compound:
    cmd: OMP_NUM_THREADS=1 headrace run compound && echo ok > out/ok.txt
    deps: [notebooks/compound.ipynb, requirements.lock]
    params: [train]
    outs: [out/compound.txt, out/ok.txt]
  listed:
    cmd:
      - cd conf
      - headrace run listed
      - echo done
    deps: [notebooks/listed.ipynb, requirements.lock]
    outs: [out/listed.txt]
  inside:
    wdir: sub
    cmd: headrace run inside
    deps: [../notebooks/inside.ipynb, ../requirements.lock, given.txt]
    params: [../conf/more.yaml: [y]]
    outs: [inside.txt, ../runs/inside.ipynb]
"""
BELOW = """\
stages:
  below:
    matrix: {k: [1, 2]}
    cmd: headrace run below
    deps: [nb/below.ipynb, ../../requirements.lock]
    params: [own]
    outs: ['k${item.k}.txt']
"""
WRITE = "from pathlib import Path"
NOTEBOOKS = {
    "each": ("item = ''\nrounds = 0", "out/{item}.txt", "{item} {rounds}"),
    "named": ("depth = 0.0\nkey = ''", "out/{key}.txt", "{key} {depth}"),
    "dicts": (
        "cfg = {}\nfold = 0",
        "out/{cfg['name']}-{fold}.txt",
        "{cfg} {fold}",
    ),
    "shown": ("seed = 0", "out/by_vars.txt", "{seed}"),
    "other_files": (
        "rounds = 0\ny = 0.5\ninner = ''\nz = None\ndeep = 0\ntoml = ''\nvalues = []",
        "out/other_files.txt",
        "{rounds} {y} {inner} {z} {deep} {toml} {values}",
    ),
    "whole": (
        "%matplotlib inline\nseed = 0\nrounds = 1\nmodels = {}",
        "out/whole.txt",
        "{seed} {rounds} {models}",
    ),
    "compound": ("rounds = 0", "out/compound.txt", "{rounds}"),
    "listed": ("", "out/listed.txt", "none"),
    "inside": ("y = 0", "inside.txt", "{y}"),
}
OUTPUTS = {
    "out/a.txt": "a 20",
    "out/b/c.txt": "b/c 20",
    "out/tree.txt": "tree 3.5",
    "out/line.txt": "line 1",
    "out/x-1.txt": "{'name': 'x', 'lr': 0.1} 1",
    "out/y-2.txt": "{'name': 'y', 'lr': 1} 2",
    "out/by_vars.txt": "7",
    "out/other_files.txt": "20 2 in 3 4 text (1, 2)",
    "out/whole.txt": "7 20 {'tree': {'depth': 3.5}, 'line': {'depth': 1}}",
    "out/compound.txt": "20",
    "out/ok.txt": "ok\n",
    "out/listed.txt": "none",
    "sub/inside.txt": "2 given",
    "deep/er/k2.txt": "5 2",
}


@pytest.fixture
def language(tmp_path: Path) -> Mini:
    """A study whose dvc.yaml has DVC's own forms."""
    study = Mini(tmp_path / "study")
    (study.root / "notebooks/01_train.ipynb").unlink()
    study.write("dvc.yaml", DVC)
    study.write("params.yaml", PARAMS)
    study.write("src/mini/params.py", MODEL)
    study.write("conf/vars.yaml", "where: {out: out, conf: conf/vars.yaml}\n")
    study.write("conf/more.yaml", "y: 2\nblock: {inner: in}\nunused: 1\n")
    study.write("conf/more.toml", "toml = 'text'\n")
    study.write("conf/more.py", "import os\nclass Py:\n    values = (1, 2)\n")
    study.write("params.json", json.dumps({"z": 3, "block": {"deep": 4}, "more": [1]}))
    study.write("sub/given.txt", "given")
    study.write(".gitignore", "/.headrace\n__pycache__\n/runs/failed\n/runs/.partial\n")
    study.write("deep/er/dvc.yaml", BELOW)
    study.write("deep/er/params.yaml", "own: 5\n")
    code = "open(f'k{k}.txt', 'w').write(f'{own} {k}')"
    below = notebook(cell("own = 0\nk = 0", "parameters"), cell(code))
    study.write("deep/er/nb/below.ipynb", below)
    for name, (defaults, path, text) in NOTEBOOKS.items():
        parameters = [cell(defaults, "parameters")] if defaults else []
        if name == "inside":
            text += " {Path('given.txt').read_text()}"
        code = f'{WRITE}\npath = Path(f"{path}")\npath.parent.mkdir(parents=True, exist_ok=True)'
        sources = (code, f'_ = path.write_text(f"{text}")')
        study.write(f"notebooks/{name}.ipynb", notebook(*parameters, *map(cell, sources)))
    return study


def committed(study: Mini) -> None:
    bake.run(study.root, "git", "init", "--quiet", "--initial-branch=main")
    bake.run(study.root, "dvc", "init", "--quiet", "--force")
    bake.commit(study.root)


def test_dvc_s_forms_run_check_and_verify(language: Mini) -> None:
    committed(language)
    report = language.run("check", "repro", "notebook-without-stage", "stage-without-notebook")
    assert report.stdout.endswith(" checks passed.\n"), report.stdout
    bake.run(language.root, "dvc", "repro", "--all-pipelines")
    for name, text in OUTPUTS.items():
        assert (language.root / name).read_text("utf-8") == text, name
    runs = {
        path.relative_to(language.root / "runs").as_posix()
        for path in (language.root / "runs").rglob("*.ipynb")
    }
    assert {"each-a.ipynb", "each-b/c.ipynb", "dicts-cfg0-1.ipynb", "inside.ipynb"} <= runs
    assert bake.run(language.root, "dvc", "status").stdout.startswith("Data and pipelines are up")
    assert language.run("check", "lock-behind").stdout == "1 check passed.\n"
    bake.commit(language.root)
    verified = language.run("verify")
    assert "All 16 stages reproduce" in verified.stdout, verified.stdout


def test_a_sandbox_has_the_files_that_fill_templates(language: Mini, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    copy = sandbox.copy(project.find_project(language.root), tmp_path / "copy", {})
    assert [*copy.all_stages] == [*project.find_project(language.root).all_stages]
    for name in ("conf/more.toml", "params.json", "deep/er/nb/below.ipynb"):
        assert (copy.root / name).is_file()


def test_a_study_without_params_whose_out_is_a_folder_with_a_slash_is_verified(mini: Mini) -> None:
    code = "from pathlib import Path\nPath('out').mkdir()\n_ = Path('out/x.txt').write_text('x')"
    (mini.root / "params.yaml").unlink()
    mini.write("notebooks/01_train.ipynb", notebook(cell(code)))
    mini.write(
        "dvc.yaml",
        """\
        stages:
          train:
            cmd: headrace run train
            deps: [notebooks/01_train.ipynb, requirements.lock]
            outs: [out/, runs/train.ipynb]
        """,
    )
    committed(mini)
    bake.run(mini.root, "dvc", "repro")
    bake.commit(mini.root)
    verified = mini.run("verify")
    assert "The stage reproduces: 2 outputs, identical." in verified.stdout, verified.stderr
