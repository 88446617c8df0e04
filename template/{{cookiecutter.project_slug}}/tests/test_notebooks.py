"""The notebooks run, in a copy of the study and on thinned data; nothing here is touched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from headrace.core import notebook, parameters, project
from headrace.core.pipeline import Stage
from headrace.execution import parameters_cell, sandbox

STUDY = project.find_project(Path(__file__).parent)


@pytest.mark.parametrize("stage", STUDY.notebook_stages(), ids=str)
def test_a_stage_and_its_notebook_agree_on_every_parameter(stage: Stage) -> None:
    source = notebook.read(STUDY.notebook(stage))
    given = parameters.for_stage(STUDY, stage, source)
    assert given.keys() == source.defaults.keys()


def test_the_schema_for_editors_is_that_of_the_typed_model() -> None:
    assert (
        parameters_cell.schema_text(STUDY) == (STUDY.root / parameters_cell.SCHEMA).read_text()
    ), "make schema"


def test_every_notebook_runs_from_its_first_cell_to_its_last(tmp_path: Path) -> None:
    copy = sandbox.copy(STUDY, tmp_path)
    first = {copy.notebook(stage): stage for stage in reversed(copy.notebook_stages())}
    names = [str(path.relative_to(copy.root)) for path in reversed(first)]  # a matrix has one
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", *names]
    result = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tmp_path)],
        cwd=copy.root,
        env=os.environ | {"PYTHONPATH": str(copy.source)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    written = [metric.path for stage in first.values() for metric in stage.metrics]
    assert [path for path in written if not (copy.root / path).is_file()] == []
