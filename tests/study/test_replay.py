"""`make replay` runs executed notebooks again, strictly: what was stored must come out."""

import re
from pathlib import Path
from subprocess import CompletedProcess

import nbformat
import pytest
from faulty_study import READS, Planted, stage

from lab import bake, paths

PICTURE = """
import io, random
from IPython.display import Image
from matplotlib.figure import Figure
figure = Figure(figsize=(1, 1))
figure.subplots().plot({0})
file = io.BytesIO()
figure.savefig(file, format="png")
Image(file.getvalue())
"""
STAGES = {
    "sound": READS,
    "same_picture": stage(PICTURE.format("[1, 2]")),
    "other_picture": stage("'before'", PICTURE.format("[random.random(), 2]")),
    "other_text": stage("import time\nprint('at', time.time_ns())"),
    "address": stage("object(), object"),
    "here": stage("import os\nprint(os.path.exists('dvc.yaml'), os.environ['TZ'])"),
}
DIFFER = {"other_picture", "other_text"}


def replay(study: Planted) -> CompletedProcess[str]:
    """Run the line that `make replay` runs."""
    makefile = (paths.study / "Makefile").read_text("utf-8")
    rule = re.search(r"^replay: .*\n\t@(.*)$", makefile, re.MULTILINE)
    assert rule
    env = bake.environment(TMPDIR=str(study.temporary))
    return bake.run(study.root, "bash", "-c", rule[1], check=False, env=env)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Planted, CompletedProcess[str]]:
    """A study of these stages, run, and what replaying it printed."""
    study = Planted(tmp_path_factory.mktemp("replay") / "study", STAGES)
    study.reproduce()
    before = study.state()
    result = replay(study)
    assert study.state() == before
    assert list(study.temporary.iterdir()) == []
    return study, result


def test_a_cell_that_gives_something_else_is_named_and_no_other(
    replayed: tuple[Planted, CompletedProcess[str]],
) -> None:
    _, result = replayed
    assert result.returncode == 1
    failed = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("FAILED")]
    assert {Path(name.split("::")[0]).stem for name in failed} == DIFFER
    assert len(failed) == len(DIFFER)


def test_what_differs_is_kept_for_nbdime_to_show(
    replayed: tuple[Planted, CompletedProcess[str]],
) -> None:
    study, result = replayed
    pair = [study.root / f".headrace/replay/{name}.ipynb" for name in ("stored", "replayed")]
    assert f"nbdiff-web {pair[0]} {pair[1]}" in result.stdout
    difference = bake.run(study.root, "nbdiff", *map(str, pair), check=False).stdout
    assert "image/png" in difference
    cells = [cell for cell in nbformat.read(pair[1], as_version=4).cells if "outputs" in cell]
    assert len(cells) == len(DIFFER)


def test_a_study_that_was_never_run_has_nothing_to_replay(tmp_path: Path) -> None:
    study = Planted(tmp_path / "study", {"sound": READS})
    bake.commit(study.root)
    result = replay(study)
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "No notebook has been run yet. Next: dvc repro" in result.stdout
