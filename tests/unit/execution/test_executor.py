"""A notebook runs in this process, which is afterwards as it was."""

import sys
from pathlib import Path

import nbformat
import pytest

from headrace.execution import executor, in_process_executor

V4 = nbformat.v4


def test_a_running_notebook_is_saved_at_a_cell_s_end_and_not_too_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, saved = 0.0, []
    monkeypatch.setattr("headrace.execution.executor.time.monotonic", lambda: now)
    end = executor._saving_now_and_then(lambda: saved.append(now))
    for now in (1.0, 29.0, 31.0, 32.0, 60.0, 61.0):  # noqa: B007  # the clock reads it
        end(0)
    assert saved == [31.0, 61.0]


def test_the_process_is_as_it_was_after_a_run(capfd: pytest.CaptureFixture[str]) -> None:
    before = sys.modules["__main__"], sys.path[:], sys.stdout, sys.displayhook, Path.cwd(), input
    node = V4.new_notebook(cells=[V4.new_code_cell("print('inside')\nx = 5\nx")])
    assert in_process_executor.run(node) is None
    assert in_process_executor.run(node) is None
    after = sys.modules["__main__"], sys.path[:], sys.stdout, sys.displayhook, Path.cwd(), input
    assert after == before
    assert node.cells[0].execution_count == 1
    print("outside")
    assert capfd.readouterr().out == "outside\n"
