"""The cost of each stage in two states: time, CPU, memory, and money where there are prices."""

import json
from typing import Any

from headrace.compare.model import CostChange
from headrace.core import yaml
from headrace.core.metrics import is_number
from headrace.core.states import State
from headrace.execution import resource_usage

FIGURES = ("wall_s", "cpu_s", "peak_rss_mib")
DOLLARS = "dollars"
PRICES = "prices"
"""The block of params.yaml: `cpu_hour`, dollars for an hour of one CPU, and `gib_hour`, dollars for
an hour of one GiB of memory."""
HOUR = 3600.0


def changes(old: State, new: State) -> tuple[CostChange, ...]:
    """Return the stages whose recorded cost differs between the states, in dvc.yaml's order.

    Both are paid by the new state's prices: the comparison is about the use.
    """
    costs = []
    for path in dict.fromkeys([*_files(old), *_files(new)]):
        before, after = _content(old, path), _content(new, path)
        if before == after:
            continue
        stage = path.removeprefix(f"{resource_usage.FOLDER}/").removesuffix(".json")
        # Times of two kinds of processor say little about the code; the reader is told.
        is_same_processor = not before or not after or _processor(before) == _processor(after)
        figures = [_figures(content, new.params) for content in (before, after)]
        costs.append(CostChange(stage, figures[0], figures[1], is_same_processor))
    return tuple(costs)


def _files(state: State) -> list[str]:
    listed = [metric.path for pipeline in state.pipelines for metric in pipeline.metrics]
    return [path for path in listed if path.startswith(f"{resource_usage.FOLDER}/")]


def _content(state: State, path: str) -> dict[str, Any] | None:
    """Return the content of a cost file; None where it cannot be read."""
    try:
        content = json.loads(state.read(path) or b"")
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _processor(content: dict[str, Any]) -> Any:
    return content.get(resource_usage.PROCESSOR)


def _figures(content: dict[str, Any] | None, params: dict[str, Any]) -> dict[str, float] | None:
    if content is None:
        return None
    figures = {name: float(content[name]) for name in FIGURES if is_number(content.get(name))}
    return figures | _dollars(figures, params)


def _dollars(figures: dict[str, float], params: dict[str, Any]) -> dict[str, float]:
    """Return the dollars: CPU by its busy time, memory at its peak for the whole time."""
    processor, memory = (yaml.lookup(params, f"{PRICES}.{n}") for n in ("cpu_hour", "gib_hour"))
    if not (is_number(processor) and is_number(memory)) or len(figures) < len(FIGURES):
        return {}
    cpu_hours = figures["cpu_s"] / HOUR
    gib_hours = figures["wall_s"] / HOUR * figures["peak_rss_mib"] / 1024
    return {DOLLARS: cpu_hours * processor + gib_hours * memory}
