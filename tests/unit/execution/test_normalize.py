"""A run's normal form: what differs from run to run is removed, and nothing else."""

import os
import sys
import tracemalloc
import uuid
from pathlib import Path

import nbformat
import pytest

from headrace.execution import normalize, output_masks


def _executed() -> nbformat.NotebookNode:
    v4 = nbformat.v4
    output = v4.new_output(
        "execute_result", {"text/plain": "<A object at 0x7f00deadbeef>"}, execution_count=9
    )
    stream = v4.new_output(
        "stream", name="stdout", text="at 0x7f00deadbeef, 0xff\n<B at 0x7f00deadbeef>\n"
    )
    injected = v4.new_code_cell(
        "x = 1", metadata={"tags": ["injected-parameters"]}, execution_count=4
    )
    cell = v4.new_code_cell("A()", outputs=[output, stream], execution_count=9)
    cell.metadata["papermill"] = {"start_time": "2026-01-01"}
    return v4.new_notebook(cells=[injected, cell], metadata={"papermill": {"duration": 3.2}})


def test_normal_form_masks_addresses_in_reprs_and_nothing_else() -> None:
    cell = normalize.normalize(_executed()).cells[1]
    assert cell.outputs[0].data["text/plain"] == "<A object at 0x…>"
    assert cell.outputs[1].text == "at 0x7f00deadbeef, 0xff\n<B at 0x…>\n"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("<Future at 0x7f00deadbeef state=pending>", "<Future at 0x… state=pending>"),
        (
            "<weakref at 0x7f00deadbeef; to 'A' at 0x7f00deadbeaf>",
            "<weakref at 0x…; to 'A' at 0x…>",
        ),
        ("<bound method A.f of <A at 0x7f00deadbeef>>", "<bound method A.f of <A at 0x…>>"),
        ("<td>&lt;A at 0x7f00deadbeef&gt;</td>", "<td>&lt;A at 0x…&gt;</td>"),
        ("at 0x7f00deadbeef", "at 0x7f00deadbeef"),
        ("<b>bus 0x7f00deadbeef</b>", "<b>bus 0x7f00deadbeef</b>"),
    ],
)
def test_an_address_is_masked_in_a_repr_and_nowhere_else(text: str, masked: str) -> None:
    output = nbformat.v4.new_output("stream", name="stdout", text=text)
    cell = nbformat.v4.new_code_cell("x", outputs=[output], execution_count=1)
    node = normalize.normalize(nbformat.v4.new_notebook(cells=[cell]))
    assert node.cells[0].outputs[0].text == masked


def test_normal_form_keeps_a_widget_s_text_and_drops_its_live_view() -> None:
    view = {"model_id": "8c6f", "version_major": 2, "version_minor": 0}
    data = {"application/vnd.jupyter.widget-view+json": view, "text/plain": "IntSlider(value=3)"}
    output = nbformat.v4.new_output("display_data", data)
    cell = nbformat.v4.new_code_cell("x", outputs=[output], execution_count=1)
    node = normalize.normalize(nbformat.v4.new_notebook(cells=[cell]))
    assert node.cells[0].outputs[0].data == {"text/plain": "IntSlider(value=3)"}


def test_normal_form_is_valid_and_normalising_twice_changes_nothing() -> None:
    node = normalize.normalize(_executed())
    nbformat.validate(node)
    once = normalize.text(node)
    assert normalize.text(normalize.normalize(node)) == once
    assert "papermill" not in once
    assert node.cells[0].id == "injected-parameters"
    assert [cell.execution_count for cell in node.cells] == [1, 2]
    assert node.cells[1].outputs[0].execution_count == 2


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("<function <lambda> at 0x7f00deadbeef>", "<function <lambda> at 0x…>"),
        ("<function f.<locals>.g at 0x7f00deadbeef>", "<function f.<locals>.g at 0x…>"),
        (
            "[<generator object <genexpr> at 0x7f00deadbeef>]",
            "[<generator object <genexpr> at 0x…>]",
        ),
        ("<a -> b at 0x7f00deadbeef>", "<a -> b at 0x…>"),
        (
            "<pre>&lt;function &lt;lambda&gt; at 0x7f00deadbeef&gt; at 0x7f00deadbeef</pre>",
            "<pre>&lt;function &lt;lambda&gt; at 0x…&gt; at 0x7f00deadbeef</pre>",
        ),
        ("<Thread(Thread-1 (f), started 140203928)>", "<Thread(Thread-1 (f), started …)>"),
        ("<Thread(T, stopped daemon 140203928)>", "<Thread(T, stopped daemon …)>"),
        (
            "<locked _thread.RLock object owner=140203928 count=1 at 0x7f00deadbeef>",
            "<locked _thread.RLock object owner=… count=1 at 0x…>",
        ),
        (
            "<Process name='P-1' pid=4711 parent=4710 started>",
            "<Process name='P-1' pid=… parent=… started>",
        ),
        ("<CDLL 'None', handle 7f30584c at 0x7f00deadbeef>", "<CDLL 'None', handle … at 0x…>"),
        ("<MagicMock id='140203928321'>", "<MagicMock id='…'>"),
        ("Generator(PCG64) at 0x7F5B226366C0", "Generator(PCG64) at 0x…"),
        (
            "SVC(random_state=RandomState(MT19937) at 0x7F5B22673940)",
            "SVC(random_state=RandomState(MT19937) at 0x…)",
        ),
        ("[<A g=Generator(SFC64) at 0x7F5B226366C0>]", "[<A g=Generator(SFC64) at 0x…>]"),
        ("call(PCG64) at 0x7F5B226366C0", "call(PCG64) at 0x7F5B226366C0"),
        (f"<DisplayHandle display_id={'f79c' * 8}>", "<DisplayHandle display_id=…>"),
        ("<DisplayHandle display_id=mine>", "<DisplayHandle display_id=mine>"),
        (
            "<ExecutionResult object at 7f25b6e5, info=<ExecutionInfo object at 7f25b6e552d0, x>>",
            "<ExecutionResult object at …, info=<ExecutionInfo object at …, x>>",
        ),
        ("an object at 7f25b6e55450", "an object at 7f25b6e55450"),
        ("<cdata 'int *' 0x7f00deadbeef>", "<cdata 'int *' 0x…>"),
        ("<cparam 'P' (0x7f00deadbeef)>", "<cparam 'P' (0x…)>"),
        ("<TimerHandle when=1652.5 f() at a.py:1>", "<TimerHandle when=… f() at a.py:1>"),
        ("started 140203928 pid=4711", "started 140203928 pid=4711"),
        ("<a>\nat 0x7f00deadbeef", "<a>\nat 0x7f00deadbeef"),
    ],
)
def test_what_no_two_processes_share_is_masked_in_a_repr(text: str, masked: str) -> None:
    assert output_masks.mask_reprs(text) == masked
    assert output_masks.mask_reprs(masked) == masked


@pytest.mark.parametrize(
    ("text", "relative"),
    [
        ("{root}/src/mini/a.py:3: UserWarning: x", "src/mini/a.py:3: UserWarning: x"),
        ("{python}/lib/sk/b.py:9: Convergence", ".venv/lib/sk/b.py:9: Convergence"),
        ('  File "{root}/src/a b.py", line 3, in f', '  File "src/a b.py", line 3, in f'),
        ("File \x1b[32m~/studies/one/a.py:3\x1b[39m, in f", "File \x1b[32ma.py:3\x1b[39m, in f"),
        ("written to {root}/models/model.bin", "written to {root}/models/model.bin"),
        ("{root}/src/a.py", "{root}/src/a.py"),
        ("/elsewhere/a.py:3: UserWarning", "/elsewhere/a.py:3: UserWarning"),
        (
            "Failed to reload module 'a' from file '{root}/a.py'",
            "Failed to reload module 'a' from file 'a.py'",
        ),
        ("<module 'a' from '{root}/src/a/__init__.py'>", "<module 'a' from 'src/a/__init__.py'>"),
        ("<module 'b' from '{python}/lib/b.x86.so'>", "<module 'b' from '.venv/lib/b.x86.so'>"),
        ("cannot import name 'x' from 'a' ({root}/a.py)", "cannot import name 'x' from 'a' (a.py)"),
        ("<frame at 1, file '{root}/a.py', line 5>", "<frame at 1, file 'a.py', line 5>"),
        ("<FrameSummary file {root}/a.py, line 3 in f>", "<FrameSummary file a.py, line 3 in f>"),
        ("'{root}/src/a.py'", "'{root}/src/a.py'"),
        ("open('{root}/src/a.py')", "open('{root}/src/a.py')"),
    ],
)
def test_places_in_the_clone_s_files_are_relative(
    text: str, relative: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    folders = {"root": "/home/someone/studies/one", "python": sys.prefix}
    make_relative = output_masks.relative_paths(Path(folders["root"]))
    assert make_relative(text.format(**folders)) == relative.format(**folders)


RANDOM_IDS = {
    "Styler": '<style>#T_{a5}_row1_col0 {{}}</style><table id="T_{a5}"><td>{a5}</td>',
    "jshtml": '<img id="_anim_img{a}"><script>new Animation(frames, "_anim_img{a}")</script>',
    "altair": '<div id="altair-viz-{a}"></div><script>("altair-viz-{a}")</script>',
    "bokeh": '<div id="{b}"></div><script>{{"docid":"{c}","roots":{{"p1":"{b}"}}}}</script>',
    "xarray": "<input id='section-{b}'><label for='section-{b}'>",
}


@pytest.mark.parametrize("name", RANDOM_IDS)
def test_known_forms_of_random_ids_are_stable(name: str) -> None:
    texts = []
    for _ in range(2):
        a, b, c = (uuid.uuid4() for _ in range(3))
        text = RANDOM_IDS[name].format(a=a.hex, a5=f"{'12f' if texts else 'e45'}a7", b=b, c=c)
        texts.append(output_masks.StableIds().replace(text))
        assert output_masks.StableIds().replace(texts[-1]) == texts[-1]
    first, second = (text.replace("<td>e45a7", "<td>12fa7") for text in texts)
    assert first == second


LONG = 100_000
ENDLESS = {
    "a path again and again": "/studies/one/a" * LONG + ".py:3",
    "a generator again and again": "Generator(" * LONG + "a" * LONG + " at 0x7F5B226366C0",
    "brackets": "<" * LONG + " at 0x7f00deadbeef",
    "an id": ' id="' + "a-" * LONG + ' id="' + "0" * LONG,
    "digits": "<TimerHandle when=" * 1000 + "1" * LONG,
    "many ids": "".join(f'<a id="{number:032x}">' for number in range(20_000)),
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
def test_no_text_takes_longer_than_its_length_asks_for(text: str) -> None:
    """Where the time grew with its square, this would take minutes."""
    output = nbformat.v4.new_output("display_data", {"text/html": text})
    cell = nbformat.v4.new_code_cell("x", outputs=[output], execution_count=1)
    node = nbformat.v4.new_notebook(cells=[cell])
    normalize.normalize(node, Path("/studies/one"))
    assert node.cells[0].outputs[0].data["text/html"]


def test_two_tables_of_one_notebook_have_two_ids_and_other_hashes_stay() -> None:
    ids = output_masks.StableIds()
    text = '<table id="T_0a1b2"></table>'
    assert ids.replace(text) != ids.replace(text.replace("0a1b2", "3c4d5"))
    assert ids.replace(text) == ids.replace(text)
    digest = f"<td>{uuid.uuid4().hex}</td>"
    assert ids.replace(digest) == digest


def test_a_long_output_is_written_as_nbformat_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normalize, "LARGE", 10)
    text = "".join(f"{i}\r\n\x0b \u2028 {'x' * (i % 7)}\n" for i in range(50)) + "end"
    node = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("stream", text=text)])]
    )
    assert normalize.text(node) == nbformat.writes(node) + "\n"


def test_a_long_output_of_short_lines_takes_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a list of lines it would take thirty times its size."""
    monkeypatch.setattr(normalize, "LARGE", 1000)
    text = "y\n" * 200_000
    output = nbformat.v4.new_output("stream", text=text)
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[output])])
    with Path(os.devnull).open("w") as file:
        tracemalloc.start()
        normalize.write(node, file)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 2 * len(text)


def test_a_random_id_is_replaced_whatever_stands_before_it() -> None:
    name = "0123456789abcdef" * 2
    text = f'<div id="{name}"></div><a href="#x%22{name}">u0027{name}</a>'
    assert name not in output_masks.StableIds().replace(text)
