"""The model card: what a model is for, how good it is, for whom not, and where it comes from.

Sections as Mitchell et al., Model Cards for Model Reporting (FAT* 2019), propose them.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from markdown_it import MarkdownIt
from markupsafe import Markup

from headrace.core import metrics
from headrace.report import pages

Section = str | Sequence[str] | pd.DataFrame
"""A text, a list of them, or a table."""
TABLE = {
    "<table>": '<div class="scroll" tabindex="0"><table>',
    "</table>": "</table></div>",
    ' style="text-align:right"': ' class="number"',  # a page's policy allows no style in a tag
}
"""What replaces markdown-it's markup of tables."""


def markdown(title: str, about: str, sections: Mapping[str, Section]) -> str:
    """Return the card as Markdown. Texts of sections are Markdown; tables' cells are plain text."""
    parts = [f"# {escape(title)}", escape(about)]
    for heading, section in sections.items():
        parts += [f"## {escape(heading)}", _section(section)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(section: Section) -> str:
    if isinstance(section, pd.DataFrame):
        return _table(section)
    return section if isinstance(section, str) else "\n".join(f"- {line}" for line in section)


def _table(table: pd.DataFrame) -> str:
    numbers = [pd.api.types.is_numeric_dtype(table[name]) for name in table]
    heads = [escape(name).replace("_", " ") for name in table]
    lines = [_row(heads), _row("---:" if number else "---" for number in numbers)]
    lines += [_row(_cell(value) for value in row) for row in table.itertuples(index=False)]
    return "\n".join(lines)


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: object) -> str:
    if isinstance(value, float | np.floating):
        number = float(value)
        form = ",.1f" if abs(number) >= 100 else ".4f"
        return "" if np.isnan(number) else format(number, form)
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return f"{value:,}"
    return escape(value)


def escape(text: object) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    line = " ".join(str(text).split())
    # An underscore inside a word is left: CommonMark takes it for emphasis at a word's ends alone.
    return re.sub(r"([\\`*{}\[\]<>#|!~&]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", line)


def provenance(
    parameters: Mapping[str, Any], inputs: Mapping[str, str], environment: Mapping[str, Any]
) -> dict[str, Section]:
    """Return the sections on how the model is made again: parameters, inputs, environment."""
    packages = environment["packages"]
    steps = [
        "Check out the commit that the version's tag names; `headrace audit` shows it.",
        "`make setup`, then `dvc pull`, or `make repro` to run everything again.",
        "`make verify` checks that each stage gives the same files.",
    ]
    # A stage may list a block and another stage a parameter of it: each is shown once.
    rows = [*dict(metrics.leaves(parameters)).items()]
    hashes = [(name, digest[:16]) for name, digest in inputs.items()]
    versions = [("python", environment["python"]), *packages.items()]
    return {
        "How to reproduce": steps,
        "Parameters": pd.DataFrame(rows, columns=["parameter", "value"]).astype(str),
        "Inputs": pd.DataFrame(hashes, columns=["file", "sha256 begins with"]),
        "Environment": pd.DataFrame(versions, columns=["package", "version"]),
    }


def page(card: str) -> str:
    """Return a card's Markdown as one page, as the text of one HTML file."""
    title = card.splitlines()[0].lstrip("# ").replace("\\", "")
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(pages.visible(card))
    for element, markup in TABLE.items():
        body = body.replace(element, markup)
    return pages.render("card.html.j2", title=title, css="card.css", body=Markup(body))
