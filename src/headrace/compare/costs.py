"""What each stage cost in either state: time, CPU, memory, and money where there are prices."""

import json
from typing import Any

from headrace.compare.metrics import is_number
from headrace.compare.model import CostChange
from headrace.core import yaml
from headrace.core.states import State
from headrace.execution import resource_usage

SHOWN = ("wall_s", "cpu_s", "peak_rss_mib")
DOLLARS = "dollars"
PRICES = "prices"
"""The block of params.yaml: `cpu_hour`, dollars for an hour of one CPU, and `gib_hour`, dollars for
an hour of one GiB of memory."""
HOUR = 3600.0


def changes(old: State, new: State) -> tuple[CostChange, ...]:
    """Return the stages whose recorded cost is not the same in both states, in dvc.yaml's order.

    Both are paid by the new state's prices: what is compared is the use, not the price list.
    """
    found = []
    for path in dict.fromkeys([*_files(old), *_files(new)]):
        before, after = (_content(state, path) for state in (old, new))
        if before != after:
            same = (before or {}).get(resource_usage.PROCESSOR) == (after or {}).get(
                resource_usage.PROCESSOR
            )
            paid, pays = (_figures(one, new.params) for one in (before, after))
            name = path.removeprefix(f"{resource_usage.FOLDER}/").removesuffix(".json")
            found.append(CostChange(name, paid, pays, same or not (before and after)))
    return tuple(found)


def _files(state: State) -> list[str]:
    listed = state.pipeline.get("metrics")
    paths = [path for path in listed if isinstance(path, str)] if isinstance(listed, list) else []
    return [path for path in paths if path.startswith(f"{resource_usage.FOLDER}/")]


def _content(state: State, path: str) -> dict[str, Any] | None:
    """Return what a cost file holds; what cannot be read has no cost, and is no reason to stop."""
    try:
        content = json.loads(state.read(path) or b"")
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _figures(content: dict[str, Any] | None, params: dict[str, Any]) -> dict[str, float] | None:
    if content is None:
        return None
    found = {name: float(content[name]) for name in SHOWN if is_number(content.get(name))}
    return found | _money(found, params)


def _money(used: dict[str, float], params: dict[str, Any]) -> dict[str, float]:
    """Return the dollars: CPU by the time it worked, memory at its peak for the whole time."""
    prices = [yaml.lookup(params, f"{PRICES}.{name}") for name in ("cpu_hour", "gib_hour")]
    if not all(map(is_number, prices)) or len(used) < len(SHOWN):
        return {}
    processor, memory = prices
    hours = used["cpu_s"] / HOUR, used["wall_s"] / HOUR * used["peak_rss_mib"] / 1024
    return {DOLLARS: hours[0] * processor + hours[1] * memory}
