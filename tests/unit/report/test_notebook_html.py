"""An executed notebook as a page: its parameters, its colours, and no word to another host."""

import base64
import re
import socket
from html import unescape
from io import BytesIO
from itertools import product
from pathlib import Path

import nbformat
import pytest
from browser import Browser
from hostile_text import EVIL
from matplotlib.figure import Figure
from mini_study import Mini, cell, notebook
from page_checks import CONTRAST, Tags

from headrace.cli import monitor
from headrace.report import notebook_html, pages

DEFAULTS = "seed = 0  # fixed\nmax_iter = 200\nname = 'a'\nmonths = [1, 2]"
INJECTED = "# Parameters\nseed = 0\nmax_iter = 10\nname = 'a'\nmonths = [1]\n"
CODE = '''\
import numpy as np  # a comment
@decorator
class Table(dict):
    """Text."""
    def fit(self, rate=0.5, *, name: str = "x\\n") -> None:
        assert not None and len(name) > 10, f"{rate:.2f}"
'''


def _run(*cells: dict[str, object]) -> nbformat.NotebookNode:
    return nbformat.reads(notebook(*cells), as_version=4)


def _stage(*cells: dict[str, object], injected: str = INJECTED) -> nbformat.NotebookNode:
    """Return a run with a title, its defaults, this run's parameters and more cells."""
    title = cell("# Train\n\nWhat $x^2$ is.", kind="markdown")
    declared = (cell(DEFAULTS, "parameters"), cell(injected, "injected-parameters"))
    return _run(title, *declared, *cells)


def _output(**data: str) -> dict[str, object]:
    kinds = {"html": "text/html", "plain": "text/plain", "latex": "text/latex", "png": "image/png"}
    content = {kinds[name]: text for name, text in data.items()}
    return cell("1") | {
        "outputs": [{"output_type": "display_data", "metadata": {}, "data": content}]
    }


def test_a_page_has_the_names_of_study_and_stage() -> None:
    text = notebook_html.render(_stage(), "late-flights", "train")
    assert "<title>train \u2013 late-flights</title>" in text
    evil = Tags(notebook_html.render(_stage(), EVIL, EVIL))
    assert evil.tags == Tags(text).tags


def test_parameters_are_one_table_of_defaults_and_this_run_s_values() -> None:
    text = notebook_html.render(_stage(), "study", "train")
    rows = [" ".join(row.split()) for row in re.findall(r"<tr>(.*?)</tr>", text, re.S)]
    shown = [unescape(re.sub(r" ?<[^>]+>", " ", row)).split() for row in rows[1:]]
    assert shown == [
        ["seed", "0", "=", "0"],
        ["max_", "iter", "200", "→", "10"],
        ["name", "'a'", "=", "'a'"],
        ["months", "[1,", "2]", "→", "[1]"],
    ]
    assert text.count("# fixed") == 1
    assert "<summary><h3>The cell with the defaults</h3>" in text
    assert "# Parameters" not in text


@pytest.mark.parametrize("injected", ["max.iter <- 10", "x = f()"])
def test_parameters_of_another_language_keep_their_cells_told_apart(injected: str) -> None:
    text = Tags(notebook_html.render(_stage(injected=injected), "study", "train")).text
    head, _, folded = text.partition("The cell with the defaults")
    assert "Parameters of this run" in head
    assert injected.split()[0] in head
    assert "max_iter = 200" in folded


def test_a_run_without_parameters_has_no_table() -> None:
    text = notebook_html.render(_run(cell("# Only", kind="markdown"), cell("1")), "s", "only")
    assert "Parameters of this run" not in text
    late = _run(cell("x = 1", "injected-parameters"), cell("print(x)"))
    assert "x" in Tags(notebook_html.render(late, "s", "late")).text


def test_no_two_pages_have_one_name(mini: Mini) -> None:
    names = ("monitor", "diff", "history", "audit", "notebooks")
    for name in names:
        mini.write(f"runs/{name}.ipynb", notebook(cell("1")))
        mini.write(f"runs/html/{name}.html", "headrace's own page")
    printed = mini.run("html").stdout.splitlines()
    assert sorted(printed) == sorted(f"{notebook_html.FOLDER}/{name}.html" for name in names)
    own = {(mini.root / f"runs/html/{name}.html").read_text() for name in names}
    assert own == {"headrace's own page"}
    assert Path(monitor.PAGE).parent != Path(notebook_html.FOLDER)


def test_every_run_has_a_page_whatever_its_folder(mini: Mini) -> None:
    members = "{matrix: {k: [b/c, d]}, cmd: headrace run m, outs: ['runs/m-${item.k}.ipynb']}"
    mini.write("dvc.yaml", f"stages:\n  m: {members}\n  unrun: {{cmd: headrace run unrun}}\n")
    side = "stages: {s: {cmd: headrace run s, outs: [runs/s.ipynb]}, t: {cmd: headrace run t}}\n"
    mini.write("side/dvc.yaml", side)
    for name in ("m-b/c", "m-d", "t", "of-no-stage", "failed/x"):
        mini.write(f"runs/{name}.ipynb", notebook(cell("1")))
    mini.write("side/runs/s.ipynb", notebook(cell("1")))
    pages = ["m-b/c", "m-d", "side/runs/s", "t", "of-no-stage"]
    expected = [f"{notebook_html.FOLDER}/{page}.html" for page in pages]
    assert mini.run("html").stdout.splitlines() == expected
    text = (mini.root / expected[0]).read_text("utf-8")
    assert "<title>m-b/c \u2013 " in text


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return sum(share * x for share, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _contrast(one: str, other: str) -> float:
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def _colours(page: str, *, dark: bool) -> dict[str, str]:
    """Return the colours of a page's own style by the names of their variables."""
    blocks = re.findall(r"(prefers-color-scheme: dark\) \{\s*)?:root \{(.*?)\}", page, re.S)
    colours: dict[str, str] = {}
    for is_dark, block in sorted(blocks, key=lambda found: bool(found[0])):
        if dark or not is_dark:
            colours |= re.findall(r"(--[\w-]+): (#[0-9a-f]{6});", block)
    return colours


@pytest.mark.parametrize("dark", [False, True])
def test_code_and_terminal_colours_can_be_read_by_all(dark: bool) -> None:
    colours = _colours(notebook_html.render(_stage(), "study", "train"), dark=dark)
    code = [name for name in colours if name.startswith("--code-")]
    assert len(code) == 5
    front = [*code, "--ink", "--soft", "--bad", "--good", "--calm", "--link"]
    behind = ["--page", "--card", "--tint", "--bad-tint", "--good-tint", "--calm-tint"]
    ratios = {
        (one, other): _contrast(colours[one], colours[other])
        for one, other in product(front, behind)
    }
    assert min(ratios.values()) >= 4.5, min(ratios, key=lambda pair: ratios[pair])


ANSI = "".join(
    f"\x1b[{front};{behind}mtext\x1b[0m" for front in range(30, 38) for behind in range(40, 48)
)


@pytest.mark.parametrize("dark", [False, True])
def test_all_text_of_a_page_can_be_read_in_a_browser(
    chromium: Browser, tmp_path: Path, dark: bool
) -> None:
    node = _stage(cell(CODE), _output(plain=ANSI + "\x1b[7minverse\x1b[0m \x1b[1;91mred\x1b[0m"))
    (tmp_path / "page.html").write_text(notebook_html.render(node, "study", "train"))
    for width in (400, 1400):
        chromium.show(tmp_path / "page.html", width, dark=dark)
        assert chromium.ask(CONTRAST) >= 4.5
        assert chromium.ask("document.documentElement.scrollWidth") <= width


WIDTHS = """new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done([
  document.querySelector('.output_subarea img').clientWidth,
  document.documentElement.scrollWidth,
  getComputedStyle(document.querySelector('.input pre, pre')).backgroundImage.split('rgb').length,
  getComputedStyle(document.querySelector('.output_subarea:has(img)')).getPropertyValue('--fade')]))))"""
"""Once a frame was drawn: what fades follows the scrolling."""


def test_a_figure_is_large_enough_to_read_and_what_is_cut_is_shaded(
    chromium: Browser, tmp_path: Path
) -> None:
    """On a phone both scroll; in a wide window the figure fits, and no edge fades."""
    picture = base64.b64encode(mpl_png(10, 4)).decode()
    node = _stage(cell(f"{'long_name + ' * 40}1"), _output(png=picture))
    (tmp_path / "page.html").write_text(notebook_html.render(node, "study", "train"))
    chromium.show(tmp_path / "page.html", 400)
    figure, page, gradients, fade = chromium.run(WIDTHS)
    assert (figure >= 790, page, gradients > 4, fade) == (True, 400, True, "48px")
    chromium.show(tmp_path / "page.html", 1400)
    figure, page, gradients, fade = chromium.run(WIDTHS)
    assert (figure >= 790, page, fade) == (True, 1400, "0px")


def mpl_png(width: int, height: int) -> bytes:
    """Return a white picture of so many inches, at 100 pixels to one."""
    figure = Figure((width, height), dpi=100)
    figure.savefig(target := BytesIO(), format="png")
    return target.getvalue()


MARKUP = {
    "a style sheet": '<link rel="stylesheet" href="{host}/a.css">',
    "a connection": '<link rel="preconnect" href="{host}">',
    "a base": '<base href="{host}/"><img src="a.png">',
    "a picture": '<img src="{host}/a.png">',
    "a frame": '<iframe width="400" src="{host}/video" allowfullscreen></iframe>',
    "a frame without quotes": "<IFRAME SRC={host}/video></IFRAME>",
    "a video": '<video src="{host}"></video><object data="{host}"></object><embed src="{host}">',
    "a style": "<style>@import '{host}/b.css'; p {{ background: url({host}/c.png) }}</style>",
    "a script": '<script src="{host}/plotly.js"></script>',
    "a script's own": "<script>fetch('{host}'); new Image().src = '{host}/d'</script>",
    "another page": '<meta http-equiv="refresh" content="0; url={host}">',
}


@pytest.mark.parametrize("kind", MARKUP)
def test_a_page_asks_no_other_host_whatever_an_output_holds(
    chromium: Browser, tmp_path: Path, kind: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0)
        host = f"http://127.0.0.1:{other.getsockname()[1]}"
        markup = MARKUP[kind].format(host=host) + "<script>window.ran = true</script>"
        node = _stage(_output(html=markup), _output(latex="$y$"))
        (tmp_path / "page.html").write_text(notebook_html.render(node, "study", "train"))
        chromium.show(tmp_path / "page.html", 900)
        assert chromium.ask("window.ran") is True
        assert chromium.ask("location.protocol") == "file:"
        with pytest.raises(BlockingIOError):
            other.accept()


def test_a_page_names_no_other_host_and_shows_formulas_as_they_are_written() -> None:
    node = _stage(cell(CODE), _output(latex="$y$"), _output(plain="x"))
    text = notebook_html.render(node, "study", "train")
    assert not re.search(r"(https?:)?//\w+\.", text)
    assert "$x^2$" in text
    assert "$y$" in text


def test_other_pages_keep_their_strict_policy() -> None:
    page = pages.render("card.html.j2", title="x", css="card.css", body="")
    assert "script-src" not in page
    assert "unsafe-inline" not in page
