"""The report as JSON, for programs."""

import dataclasses
import json
import math
from typing import Any

from headrace.compare.model import MetricChange, Report


def render(report: Report) -> str:
    """Return the report as JSON: the names of `headrace.compare.model`, always in this order."""
    content = dataclasses.asdict(report)
    content["metrics"] = [_metric(one) for one in report.metrics]
    content["broken"] = [gate.name for gate in report.broken]
    return json.dumps(content, ensure_ascii=False, indent=2, default=str)


def _metric(one: MetricChange) -> dict[str, Any]:
    change = one.change
    known = change is not None and math.isfinite(change)
    return {**dataclasses.asdict(one), "change": change if known else None}
