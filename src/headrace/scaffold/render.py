"""The files of a study, written from its plan."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jinja2

from headrace.core import yaml_edit
from headrace.report.text import plain
from headrace.scaffold import columns, estimators
from headrace.scaffold.columns import Column, Role
from headrace.scaffold.plan import Plan
from headrace.scaffold.task import Task

ANALYSIS = ("src/study/model.py", "src/study/evaluation.py", "tests/test_model.py")
"""What an analysis without a model does not have."""
NOTEBOOKS = {
    True: ("01_prepare", "02_train", "03_evaluate"),
    False: ("01_prepare", "02_summarise"),
}
"""A study's notebooks, with a model and without."""
FILES = (
    *(
        f"src/study/{name}.py"
        for name in ("__init__", "params", "paths", "data", "schema", "features")
    ),
    *(f"src/study/{name}.py" for name in ("model", "evaluation", "figures")),
    *("params.yaml", "gates.yaml", "dvc.yaml"),
    *(f"tests/{name}.py" for name in ("conftest", "test_schema", "test_features", "test_model")),
)
MAX_SHOWN = 80
"""Letters of a name or a value in a comment."""
CELL = re.compile(r"^=== (markdown|code) (\S+)(?: (\S+))?\n", re.MULTILINE)


def files(plan: Plan) -> dict[str, str]:
    """Return the text of each file of a study by its path; code is not formatted yet."""
    environment = _environment()
    values = {
        "plan": plan,
        "own": plan.own,
        "estimator": estimators.choose(plan) if plan.has_model else None,
    }
    names = [name for name in FILES if plan.has_model or name not in ANALYSIS]
    texts = {name: environment.get_template(f"{name}.j2").render(values) for name in names}
    for name in NOTEBOOKS[plan.has_model]:
        cells = environment.get_template(f"notebooks/{name}.md.j2").render(values)
        texts[f"notebooks/{name}.ipynb"] = _notebook(cells)
    return {name: f"{text.rstrip()}\n" for name, text in texts.items()}


def of_template(name: str, stage: Any) -> str:
    """Return a file of a new stage from its template; a notebook's is its cells."""
    text = _environment().get_template(name).render(stage=stage)
    return _notebook(text) + "\n" if name.endswith(".md.j2") else text


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("headrace.scaffold"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # what is written is code and Markdown
    )
    environment.filters |= {
        "py": repr,
        "yaml": yaml_edit.to_yaml,
        "tick": tick,
        "comment": comment,
        "reasons": reasons,
        "contract": contract,
        "title_of": lambda text: comment(text),
        "lower_first": lambda text: (text[:1].lower() + text[1:]).rstrip("."),
    }
    return environment


def tick(text: str) -> str:
    """Return text as code in Markdown, whatever it holds."""
    text = comment(text)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence, space = "`" * (longest + 1), " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"


def comment(text: str) -> str:
    """Return text of the data as it may stand in a comment or a docstring, on one line."""
    line = plain(str(text)).replace("\\", "/").replace('"""', "'''")
    return line if len(line) <= MAX_SHOWN else f"{line[: MAX_SHOWN - 1]}…"


def reasons(column: Column, plan: Plan) -> Iterator[str]:
    """Yield what the contract says of a column: what it was drafted from."""
    gaps = f"; {column.missing:.1%} missing" if column.missing else ""
    if column.role == Role.CATEGORY and column.categories:
        yield f"{len(column.categories)} categories{gaps}; a new one is refused"
    elif column.low is not None:
        yield f"from {column.low:g} to {column.high:g}{gaps}; half its span more is let pass"
    else:
        yield f"{column.distinct:,} different values{gaps}"
    if column.why and column.name != plan.target:
        yield f"no feature: {comment(column.why)}"


def contract(column: Column, plan: Plan) -> str:
    """Return the arguments of a column of the contract."""
    checks = []
    is_class = column.name == plan.target and plan.task in (Task.BINARY, Task.MULTICLASS)
    if is_class and column.dtype != "bool":
        checks.append(f"pa.Check.isin({plan.classes!r})")
    elif column.role == Role.CATEGORY and column.categories and column.dtype != "bool":
        checks.append(f"pa.Check.isin({list(column.categories)!r})")
    elif column.low is not None and column.dtype != "bool":
        low, high = columns.loose_range(column)
        ends = (int(low), int(high)) if column.dtype.startswith("int") else (low, high)
        checks.append(f"_between({ends[0]!r}, {ends[1]!r})")
    if column.missing:
        checks.append(f"_gaps({gap_limit(column.missing)!r})")
    words = [repr(column.dtype)]
    words += [checks[0]] if len(checks) == 1 else [f"[{', '.join(checks)}]"] if checks else []
    if column.missing:
        words.append("nullable=True")
    if list(plan.key) == [column.name]:
        words.append("unique=True")
    return ", ".join(words)


def gap_limit(missing: float) -> float:
    """Return the share of gaps that is let pass: twice what was seen, and 5 % more."""
    return min(1.0, round(2 * missing + 0.05, 2))


def _notebook(text: str) -> str:
    """Return a notebook's JSON of its cells, each below a line `=== KIND ID TAG`."""
    _, *parts = CELL.split(text)
    cells = []
    for kind, name, tag, source in zip(*(iter(parts),) * 4, strict=True):
        cell: dict[str, Any] = {
            "cell_type": kind,
            "id": name,
            "metadata": {"tags": [tag]} if tag else {},
            "source": source.strip("\n").splitlines(keepends=True),
        }
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        cells.append(dict(sorted(cell.items())))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False)
