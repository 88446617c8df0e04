"""The command `headrace docs`: the documentation of this very version, without a network."""

import sys
from importlib.resources import files
from pathlib import Path

import click

import headrace
from headrace.cli.base import command, completion
from headrace.errors import nearest

INDEX = "README"


def pages() -> dict[str, str]:
    """Return the text of each page by its name, the index first."""
    folder = files("headrace") / "docs"
    if not folder.is_dir():  # an editable install: the pages lie in the repository
        folder = Path(headrace.__file__).parents[2] / "docs"
    names = sorted(path.name for path in folder.iterdir() if path.name.endswith(".md"))
    texts = {name.removesuffix(".md"): (folder / name).read_text("utf-8") for name in names}
    return {INDEX: texts.pop(INDEX), **texts}


@completion
def page_names() -> list[str]:
    """Return the names of the pages that the index lists."""
    return [name for name in pages() if name != INDEX]


@command("docs", examples="headrace docs diff")
@click.argument("page", default=INDEX, metavar="[PAGE]", shell_complete=page_names)
def docs(page: str) -> None:
    """Show the documentation: the list of pages, or a page."""
    texts = pages()
    if page not in texts:
        raise click.UsageError(
            f"No page {page!r}.{nearest(page, texts)} Next: headrace docs, for the list of pages"
        )
    if not sys.stdout.isatty():  # Markdown as it is, for a pipe or a file
        print(texts[page], end="")
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(width=min(100, Console().width))
    with console.pager(styles=True, links=False):
        console.print(Markdown(texts[page], hyperlinks=False))
