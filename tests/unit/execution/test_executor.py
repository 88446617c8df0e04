"""A notebook runs in this process as in a kernel's, which is afterwards as it was."""

import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.execution import in_process_executor, normalize
from headrace.execution.in_process_executor import Rules
from headrace.execution.output_capture import PIECE, GrowingText

V4 = nbformat.v4


def _run(*sources: str, tags: str = "", **rules: Any) -> tuple[Any, int | None]:
    """Run cells in this process; return their outputs, and where the run stopped."""
    metadata = {"tags": tags.split()}
    node = V4.new_notebook(cells=[V4.new_code_cell(text, metadata=metadata) for text in sources])
    stopped = in_process_executor.run(node, Rules(**rules))
    return [cell.outputs for cell in node.cells], stopped


def _shown(outputs: list[Any]) -> str:
    """Return the text that a cell's outputs show."""
    return "".join(out.get("text") or out.get("data", {}).get("text/plain", "") for out in outputs)


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


def test_built_in_names_that_a_cell_replaced_are_python_s_own_after_the_run() -> None:
    before = open, len
    _, stopped = _run("import builtins\nbuiltins.open = None\nbuiltins.hex = lambda n: 'x'")
    assert stopped is None
    assert (open, len) == before
    assert hex(3) == "0x3"


INNER_ERRORS = {
    "a cell that is run by a cell": "get_ipython().run_cell('1 / 0')",
    "a traceback that is shown": "try: 1 / 0\nexcept Exception: get_ipython().showtraceback()",
    "a script": "with open('broken.py', 'w') as file: _ = file.write('1 / 0')\n%run broken.py",
    "an exit code of a cell's cell": "get_ipython().run_cell('raise SystemExit(3)')",
}


@pytest.mark.parametrize("source", INNER_ERRORS.values(), ids=INNER_ERRORS)
def test_an_error_output_is_a_failure_though_its_cell_went_on(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outputs, stopped = _run("1", f"{source}\nprint('went on')", "print('next')")
    assert stopped == 1
    assert _shown(outputs[2]) == "next\n"


def test_an_error_that_is_expected_fails_in_the_end_as_papermill_has_it() -> None:
    outputs, stopped = _run("1 / 0", "'on'", tags="raises-exception")
    assert (stopped, _shown(outputs[1])) == (0, "'on'")


def test_an_error_output_that_was_cleared_is_none() -> None:
    source = "get_ipython().run_cell('1 / 0')\nfrom IPython.display import clear_output"
    assert _run(f"{source}\nclear_output()")[1] is None


def test_outputs_of_the_source_are_not_those_of_the_run() -> None:
    old = V4.new_output("stream", name="stdout", text="old")
    sources = {"1": ["skip-execution"], "": [], "2": [], "1 / 0": [], "3": []}
    node = V4.new_notebook(
        cells=[
            V4.new_code_cell(source, metadata={"tags": tags}, outputs=[old], execution_count=9)
            for source, tags in sources.items()
        ]
    )
    assert in_process_executor.run(node) == 3
    counts = [(len(cell.outputs), cell.execution_count) for cell in node.cells]
    assert counts == [(0, None), (0, None), (1, 1), (1, 2), (0, None)]


AS_IN_A_KERNEL = {
    "type(get_ipython()).__name__": "'ZMQInteractiveShell'",
    "type(get_ipython()).__module__": "'ipykernel.zmqshell'",
    "get_ipython().kernel.shell is get_ipython()": "True",
    "type(get_ipython().kernel).__name__": "'IPythonKernel'",
    "get_ipython().kernel.get_parent()['header']['msg_type']": "'execute_request'",
    "get_ipython().kernel.comm_manager.register_target('x', print)": "",
    "from rich.console import Console; Console().is_jupyter": "True",
    "get_ipython().history_manager.hist_file": "':memory:'",
    "%hist -g hist_file\n0": "   1: get_ipython().history_manager.hist_file\n",
    "breakpoint()": "",
}


@pytest.mark.parametrize("source", AS_IN_A_KERNEL)
def test_the_shell_is_as_a_kernel_s(source: str) -> None:
    outputs, stopped = _run("get_ipython().history_manager.hist_file", source)
    assert stopped is None
    assert _shown(outputs[1]).startswith(AS_IN_A_KERNEL[source])


def test_config_lists_what_a_kernel_s_lists() -> None:
    (outputs,), _ = _run("%config")
    assert {"IPKernelApp", "ZMQInteractiveShell", "HistoryManager"} <= set(_shown(outputs).split())


def test_a_cell_that_catches_its_own_interrupt_goes_on() -> None:
    source = (
        "import _thread, time\ntry:\n    _thread.interrupt_main(); time.sleep(9)\n"
        "except KeyboardInterrupt: print('caught')"
    )
    outputs, stopped = _run(source, "print('next')")
    assert (_shown(outputs[0]), _shown(outputs[1]), stopped) == ("caught\n", "next\n", None)


def test_an_interrupt_from_outside_ends_the_run_though_the_cell_caught_it() -> None:
    source = (
        "import _thread, time\ntry:\n    _thread.interrupt_main(); time.sleep(9)\n"
        "except KeyboardInterrupt: print('caught')"
    )
    with pytest.raises(in_process_executor.Interrupted, match="SIGINT"):
        _run(source, "print('next')", interrupted=lambda: True)


INVALID = {
    "a number": "display({'text/plain': 5}, raw=True)",
    "nothing": "display({'text/html': None}, raw=True)",
    "a list of numbers": "display({'text/plain': [1]}, raw=True)",
    "JSON under another name": "display({'text/json': {}}, raw=True)",
    "of an object": "class A:\n    def _repr_mimebundle_(self, **_): return {'text/plain': 5}\nA()",
    "in an update": "x = display('x', display_id=True)\nx.update({'text/plain': 5}, raw=True)",
}


@pytest.mark.parametrize("source", INVALID.values(), ids=INVALID)
def test_a_display_that_no_notebook_can_hold_is_an_error_of_its_cell(source: str) -> None:
    outputs, stopped = _run(source, "1")
    assert stopped == 0
    assert outputs[0][-1].ename == "ValueError"
    assert "of a display is " in outputs[0][-1].evalue


@pytest.mark.parametrize("lines", ["5", "None", "[1, 2]", "'text'"])
def test_an_error_that_renders_itself_as_no_text_is_one_all_the_same(lines: str) -> None:
    source = f"class Odd(Exception):\n    def _render_traceback_(self): return {lines}\nraise Odd()"
    outputs, stopped = _run(source)
    assert stopped == 0
    node = V4.new_notebook(cells=[V4.new_code_cell(outputs=outputs[0])])
    nbformat.validate(normalize.normalize(node, Path.cwd()))


def test_a_display_of_json_and_of_lines_is_valid() -> None:
    data = "{'application/json': 5, 'application/x+json': None, 'text/plain': ['a', 'b']}"
    outputs, stopped = _run(f"display({data}, raw=True)")
    assert stopped is None
    node = V4.new_notebook(cells=[V4.new_code_cell(outputs=outputs[0])])
    nbformat.validate(node)


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_closed_stream_refuses_text_and_keeps_what_it_had(name: str) -> None:
    close = f"import sys\nprint('before', file=sys.{name})\nsys.{name}.close()"
    outputs, stopped = _run(close, "1", f"print('after', file=sys.{name})")
    assert (_shown(outputs[0]), stopped) == ("before\n", 2)
    assert outputs[2][0].evalue == "I/O operation on closed file"


IN_PIECES = {
    "of a thread": "import threading\n"
    "def work(): [print('x', end='') for _ in range(100_000)]\n"
    "thread = threading.Thread(target=work); thread.start(); thread.join()",
    "of a child": "import os\nif os.fork() == 0:\n"
    "    [print('x', end='') for _ in range(100_000)]; print(flush=True); os._exit(0)\n"
    "_ = os.wait()",
}


@pytest.mark.parametrize("source", IN_PIECES.values(), ids=IN_PIECES)
def test_a_long_line_that_is_written_bit_by_bit_is_whole(source: str) -> None:
    (outputs,), stopped = _run(source)
    assert stopped is None
    assert _shown(outputs).rstrip("\n") == "x" * 100_000


def test_a_display_that_comes_back_after_it_was_cleared_is_updated() -> None:
    source = (
        "from IPython.display import clear_output\nx = display('a', display_id='x')\n"
        "clear_output(wait=True)\nx = display('b', display_id='x')\nx.update('c')"
    )
    (outputs,), _ = _run(source)
    assert _shown(outputs) == "'c'"


OVERTIME = {
    "awaiting": "import asyncio\nawait asyncio.sleep(9)",
    "catching every error": "import time\ntry: time.sleep(9)\nexcept: pass",
    "awaiting and catching": "import asyncio\ntry: await asyncio.sleep(9)\nexcept: pass",
    "computing": "while True: pass",
}


@pytest.mark.parametrize("source", OVERTIME.values(), ids=OVERTIME)
def test_a_cell_beyond_its_time_fails_with_that_error(source: str) -> None:
    outputs, stopped = _run("1", source, "print('never')", timeout=0.2)
    assert stopped == 1
    assert [output.ename for output in outputs[1]] == ["CellTimeout"]
    assert outputs[2] == []


def test_threads_and_children_print_whole_lines() -> None:
    source = (
        "from concurrent.futures import ThreadPoolExecutor\nimport os\n"
        "def say(i): print('task', i, 'done')\n"
        "with ThreadPoolExecutor(4) as pool: list(pool.map(say, range(300)))\n"
        "children = [os.fork() for _ in range(3)]\n"
        "if not all(children):\n    for i in range(100): say(i)\n    os._exit(0)\n"
        "for child in children: os.waitpid(child, 0)\n"
    )
    (outputs,), stopped = _run(source)
    lines = _shown(outputs).splitlines()
    assert stopped is None
    assert {len(line.split()) for line in lines} == {3}
    assert len(lines) >= 600


def test_a_thread_s_line_does_not_tear_one_of_the_cell_s_own() -> None:
    source = (
        "import threading\nprint('a', end=' ')\n"
        "t = threading.Thread(target=print, args=('b',)); t.start(); t.join()\nprint('c')"
    )
    (outputs,), _ = _run(source)
    assert _shown(outputs) == "a c\nb\n"


WIDGET = """\
import comm
state = {"_model_module": "@jupyter-widgets/output", "_model_name": "OutputModel", "outputs": []}
widget = comm.create_comm(target_name="jupyter.widget", data={"state": state})
request = get_ipython().kernel.get_parent()["header"]["msg_id"]
enter = lambda: widget.send({"method": "update", "state": {"msg_id": request}})
leave = lambda: widget.send({"method": "update", "state": {"msg_id": ""}})
print("a result worth keeping", flush=True)
"""


def test_what_an_output_widget_shows_or_clears_is_not_the_cell_s() -> None:
    source = (
        "from IPython.display import clear_output\nenter()\nprint('inside', flush=True)\n"
        "try: 1 / 0\nexcept ArithmeticError: get_ipython().showtraceback()\n"
        "clear_output()\nleave()\nprint('outside')"
    )
    (outputs,), stopped = _run(WIDGET + source)
    assert stopped is None
    assert _shown(outputs) == "a result worth keeping\noutside\n"


def test_a_display_of_a_raw_dictionary_has_names_that_are_text() -> None:
    (outputs,), stopped = _run("display({1: 'one', 'text/plain': 'x'}, raw=True)")
    assert stopped is None
    assert outputs[0].data == {"1": "one", "text/plain": "x"}


HISTORY = "[out.bundle.get('stream') for count in (1, 2) for out in _h.outputs[count][-1:]]"


def test_a_long_text_is_not_kept_a_second_time_by_the_history() -> None:
    long = "print('x' * 5_000_000)\n_h = get_ipython().history_manager"
    outputs, stopped = _run(long, "print('short')", HISTORY)
    assert stopped is None
    assert len(outputs[0][0].text) == 5_000_001
    assert _shown(outputs[2]) == "[[], ['short', '\\n']]"


@given(st.lists(st.sampled_from(["", "a\n", "é" * 5000, "b" * 300, "c" * (PIECE + 1)])))
@settings(max_examples=30, deadline=None)
def test_a_growing_text_is_what_was_written(texts: list[str]) -> None:
    growing = GrowingText()
    for text in texts:
        growing.write(text)
    assert growing.take() == "".join(texts)
    assert growing.take() == ""
