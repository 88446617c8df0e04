"""What a proposal holds: the comparison on one batch, and the hashes of both bundles."""

import json
from collections.abc import Mapping
from typing import Any

from headrace.compare.retrain_report import FOLDER, FORMAT
from headrace.retrain.compare import Compared, Name


def file(batch: str) -> str:
    """Return the file that holds the proposal about a batch, from the study on."""
    return f"{FOLDER}/retrain-{batch}.json"


def text(batch: str, rows: int, bundles: Mapping[str, str], found: Mapping[Name, Compared]) -> str:
    """Return a proposal as JSON; `bundles` are the MD5 of `champion` and `challenger`."""
    metrics = [_metric(name, one) for name, one in found.items()]
    content = {"format": FORMAT, "batch": batch, "rows": rows, **bundles, "metrics": metrics}
    return json.dumps(content, indent=1) + "\n"


def _metric(name: Name, one: Compared) -> dict[str, Any]:
    said = {"file": name[0], "name": name[1], "old": one.old, "new": one.new}
    if one.interval is None:
        return said
    interval = one.interval
    return {**said, "low": interval.low, "high": interval.high, "resamples": interval.resamples}
