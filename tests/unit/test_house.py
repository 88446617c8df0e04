"""What holds the house: sizes and cycles are measured, and a figure above its limit fails."""

import re
import tomllib
from pathlib import Path

import grimp
import pytest

from lab import house, paths


def package(folder: Path, **modules: str) -> grimp.ImportGraph:
    """Return the import graph of a package of these modules."""
    root = folder / "small"
    root.mkdir()
    for name, text in {"__init__": "", **modules}.items():
        (root / f"{name}.py").write_text(text)
    return grimp.build_graph("small", cache_dir=None)


@pytest.mark.parametrize(
    "text",
    [
        "import small.b",
        "def late():\n    from small import b",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from small.b import x",
    ],
    ids=["plain", "late", "typing"],
)
def test_modules_that_import_each_other_are_a_cycle_however_they_do_it(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    graph = package(
        tmp_path, a=text, b="import small.c\nx = 1", c="import small.a", d="import small.a"
    )
    assert [*house.cycles(graph)] == [{"small.a", "small.b", "small.c"}]


def test_a_figure_above_its_limit_fails_and_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    figures = house.measure()
    limits = tmp_path / "house.toml"
    lines = [f"{name} = {value - (name == 'modules')}" for name, value in figures.items()]
    limits.write_text("\n".join(lines))
    monkeypatch.setattr(house, "LIMITS", limits)
    with pytest.raises(SystemExit, match=r"^house.toml: modules above the limit. Next: "):
        house.main()


def test_the_limits_are_those_of_the_figures() -> None:
    assert tomllib.loads(house.LIMITS.read_text("utf-8")).keys() == house.measure().keys()


FLIGHTS = re.compile(
    r"\b(flights?|carriers?|airports?|airlines?|weather|late|late_share|months?|dollars?)\b", re.I
)
KNOWN = {
    "compare/costs.py": {"dollars"},  # what computing costs has one currency
    "compare/format.py": {"dollars"},
    "compare/model.py": {"dollars"},
    "compare/page.py": {"dollars"},
    "gates/live.py": {"flights", "late_share"},  # the name of a figure that studies have in files
    "history/commits.py": {"month"},  # git's words for a date
    "report/svg_scale.py": {"dollars"},
    "scaffold/plan.py": {"month"},  # of any date
    "scaffold/read.py": {"month"},
    "scaffold/templates/src/study/features.py.j2": {"month"},
    "scaffold/templates/src/study/params.py.j2": {"dollars"},
}
"""Words that are not the flights'."""


def test_the_tool_knows_no_flights() -> None:
    folder = paths.root / "src/headrace"
    kinds = (".py", ".j2", ".css", ".js", ".html")
    files = [path for path in folder.rglob("*") if path.suffix in kinds]
    words = {
        path.relative_to(folder).as_posix(): set(map(str.lower, FLIGHTS.findall(path.read_text())))
        for path in files
    }
    assert {name: found for name, found in words.items() if found} == KNOWN
