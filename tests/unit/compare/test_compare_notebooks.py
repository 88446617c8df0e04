"""Promises about the runs that changed, cell by cell."""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cached_study import CachedStudy
from mini_study import cell

from headrace.compare import images, notebooks
from headrace.compare.model import CellChange, CellOutput, NotebookChange
from headrace.core.git import Objects
from lab import bake

PNG = base64.b64encode(b"\x89PNG old").decode()
OTHER = base64.b64encode(b"\x89PNG new").decode()
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="4"><rect width="4" height="4"/></svg>'


@pytest.fixture
def study(tmp_path: Path) -> CachedStudy:
    return CachedStudy(tmp_path / "study")


def printed(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def display(**data: Any) -> dict[str, Any]:
    kinds = {"png": "image/png", "svg": "image/svg+xml", "html": "text/html", "plain": "text/plain"}
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {kinds[name]: content for name, content in data.items()},
    }


def code(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {**cell(source), "outputs": list(outputs), "execution_count": 1}


def title(text: str) -> dict[str, Any]:
    return cell(text, kind="markdown")


def run(*cells: dict[str, Any], ids: bool = True) -> bytes:
    """Return an executed notebook; its cells' ids are their sources' first words."""
    identified = [
        {**({"id": f"{content['source'].split()[0].strip('#')}x"} if ids else {}), **content}
        for content in cells
    ]
    notebook = {
        "cells": identified,
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5 if ids else 4,
    }
    return json.dumps(notebook).encode()


def changes(study: CachedStudy, old: bytes | None, new: bytes | None) -> tuple[NotebookChange, ...]:
    study.write_outputs(runs__t_DOT_ipynb=old)
    bake.commit(study.root)
    study.write_outputs(runs__t_DOT_ipynb=new)
    with Objects(study.root) as objects:
        return notebooks.changes(*study.states(objects), study.find())


def cells(study: CachedStudy, old: bytes, new: bytes) -> tuple[CellChange, ...]:
    (notebook,) = changes(study, old, new)
    assert (notebook.path, notebook.note) == ("runs/t.ipynb", "")
    return notebook.cells


def test_only_cells_that_changed_are_told_under_their_heading(study: CachedStudy) -> None:
    head, same = title("# Train\n\n## Fit the model"), code("same = 1", printed("1\n"))
    (cell,) = cells(
        study,
        run(head, same, code("b = 1", printed("x"))),
        run(head, same, code("b = 2", printed("x"))),
    )
    assert (cell.number, cell.heading) == (3, "Fit the model")
    assert (cell.source, cell.outputs) == (("b = 1", "b = 2"), None)


def test_injected_parameters_are_a_change_of_source(study: CachedStudy) -> None:
    old, new = (
        run({**cell(f"# Parameters\nmax_iter = {count}", "injected-parameters"), "id": "injected"})
        for count in (200, 50)
    )
    (change,) = cells(study, old, new)
    assert change.source == ("# Parameters\nmax_iter = 200", "# Parameters\nmax_iter = 50")


def test_text_that_changed_is_told_with_the_code_that_made_it(study: CachedStudy) -> None:
    old, new = (run(code("show()", printed("same"), display(plain=text))) for text in "ab")
    (cell,) = cells(study, old, new)
    assert cell.outputs == ((CellOutput("a"),), (CellOutput("b"),))
    assert (cell.source, cell.code) == (None, "show()")


def test_cells_that_moved_along_are_matched(study: CachedStudy) -> None:
    unchanged = [code(f"keep{number} = {number}", printed("x")) for number in range(5)]
    new = [
        code("from pathlib import Path"),
        *unchanged[:2],
        *unchanged[3:],
        title("It all ends here."),
    ]
    changed_cells = cells(study, run(*unchanged), run(*new))
    assert [(cell.number, cell.source) for cell in changed_cells] == [
        (1, ("", "from pathlib import Path")),
        (3, ("keep2 = 2", "")),
        (6, ("", "It all ends here.")),
    ]


def test_cells_without_ids_are_matched_by_what_they_say(study: CachedStudy) -> None:
    unchanged = [code(f"value_{number} = compute({number})", printed("x")) for number in range(4)]
    changed_cells = cells(
        study, run(*unchanged, ids=False), run(code("import os"), *unchanged, ids=False)
    )
    assert [(cell.number, cell.source) for cell in changed_cells] == [(1, ("", "import os"))]


def test_without_nbdime_ids_match_the_cells_and_that_is_said(
    study: CachedStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nbdime.diffing.notebooks", None)
    unchanged = code("kept = 1", printed("x"))
    (notebook,) = changes(
        study, run(unchanged, code("b = 1")), run(code("a = 1"), unchanged, code("b = 2"))
    )
    assert "nbdime is not installed" in notebook.note
    assert [cell.source for cell in notebook.cells] == [("", "a = 1"), ("b = 1", "b = 2")]


def test_pictures_come_as_addresses_that_hold_them(study: CachedStudy) -> None:
    old, new = (run(code("plot()", display(png=png, plain="<Figure>"))) for png in (PNG, OTHER))
    (cell,) = cells(study, old, new)
    assert cell.outputs is not None
    assert cell.outputs[0] == (CellOutput("<Figure>", f"data:image/png;base64,{PNG}"),)
    assert cell.outputs[1] == (CellOutput("<Figure>", f"data:image/png;base64,{OTHER}"),)


def test_html_is_told_only_by_the_text_that_stands_for_it(study: CachedStudy) -> None:
    old, new = (
        run(code("t", display(html=f"<script>{text}</script>", plain=text))) for text in ("a", "b")
    )
    (cell,) = cells(study, old, new)
    assert cell.outputs == ((CellOutput("a"),), (CellOutput("b"),))


def test_colours_of_a_terminal_are_taken_out(study: CachedStudy) -> None:
    error = {
        "output_type": "error",
        "ename": "E",
        "evalue": "v",
        "traceback": ["\x1b[31mE: v\x1b[0m"],
    }
    (cell,) = cells(study, run(code("a", printed("x"))), run(code("a", error)))
    assert cell.outputs is not None
    assert cell.outputs[1] == (CellOutput("E: v"),)


def test_long_text_is_cut_and_says_so(study: CachedStudy) -> None:
    (cell,) = cells(study, run(code("a")), run(code("a", printed("x" * 50_000))))
    assert cell.outputs is not None
    assert cell.outputs[1][0].text.endswith("… and 30,000 more characters")


def test_a_large_picture_is_left_out_and_says_so() -> None:
    text, address = images.data_uri("image/png", "A" * (images.LIMIT + 1), "")
    assert (address, "too large" in text) == ("", True)


HOSTILE = [
    "<script>alert(1)</script>",
    '<rect onload="alert(1)"/>',
    '<image href="https://leak.invalid/a.png"/>',
    '<a xlink:href="javascript:alert(1)"><rect/></a>',
    '<style>@import "https://leak.invalid/a.css"; rect {fill: url(https://leak.invalid/a)}</style>',
    '<rect style="fill: url(https://leak.invalid/a)"/>',
    '<rect fill="url(//leak.invalid/a#b)"/>',
    "<foreignObject><iframe xmlns='http://www.w3.org/1999/xhtml' src='https://leak.invalid'/></foreignObject>",
    '<set attributeName="onload" to="alert(1)"/><animate attributeName="href" values="https://leak.invalid"/>',
    '<x:script xmlns:x="http://www.w3.org/2000/svg">alert(1)</x:script>',
    '<use href="data:image/svg+xml;base64,AAAA"/>',
]


@pytest.mark.parametrize("inside", HOSTILE, ids=range(len(HOSTILE)))
def test_a_drawing_loses_what_runs_or_fetches(inside: str) -> None:
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    safe = images.sanitize_svg(f'<svg {names}><rect id="kept"/>{inside}</svg>')
    assert safe is not None
    assert b'id="kept"' in safe
    assert not any(
        word in safe.lower() for word in (b"script", b"leak", b"alert", b"iframe", b"svg+xml")
    )


def test_a_drawing_keeps_what_it_needs() -> None:
    text = SVG.replace(
        "<rect", '<defs><path id="m"/></defs><use href="#m"/><rect clip-path="url(#m)"'
    )
    safe = images.sanitize_svg(text)
    assert safe is not None
    assert b'href="#m"' in safe
    assert b"url(#m)" in safe
    assert safe.startswith(b"<svg")


@pytest.mark.parametrize(
    "text", ["", "no drawing", "<html/>", '<!DOCTYPE x [<!ENTITY a "b">]><svg/>']
)
def test_what_is_no_drawing_is_not_shown(text: str) -> None:
    assert images.sanitize_svg(text) is None
    assert images.data_uri("image/svg+xml", text, "here")[0].startswith("here")


def test_a_cache_that_lacks_a_run_says_what_to_fetch(study: CachedStudy) -> None:
    old = run(code("a"))
    study.write_outputs(runs__t_DOT_ipynb=old)
    study.cached(old).unlink()
    bake.commit(study.root)
    study.write_outputs(runs__t_DOT_ipynb=run(code("b")))
    with Objects(study.root) as objects:
        (notebook,) = notebooks.changes(*study.states(objects), study.find())
    assert notebook.note.endswith("Next: dvc fetch --all-commits runs/t.ipynb")


@pytest.mark.parametrize("broken", [b"", b"no json", b"[]", b'{"cells": 3}', b"\xff\xfe", b"{}"])
def test_what_is_no_notebook_says_so(study: CachedStudy, broken: bytes) -> None:
    (notebook,) = changes(study, run(code("a")), broken)
    assert notebook.cells == ()
    assert "is no notebook. Next: dvc repro" in notebook.note


def test_a_new_run_and_one_that_is_gone_are_told(study: CachedStudy) -> None:
    (notebook,) = changes(study, None, run(title("# New"), code("a", printed("1"))))
    assert [cell.source for cell in notebook.cells] == [("", "# New"), ("", "a")]
    (notebook,) = changes(study, run(code("a", printed("1"))), None)
    assert notebook.cells[0].outputs == ((CellOutput("1"),), ())


def test_many_cells_are_cut_and_that_is_said(study: CachedStudy) -> None:
    many = [code(f"a{number}") for number in range(notebooks.CELL_LIMIT + 7)]
    (notebook,) = changes(study, run(code("b")), run(*many))
    assert len(notebook.cells) == notebooks.CELL_LIMIT
    assert "7 more cells changed" in notebook.note
