"""An audit as JSON, for programs."""

import dataclasses
import json

from headrace.registry import text
from headrace.registry.audit import Audit
from headrace.registry.check_result import Truth


def render(audit: Audit) -> str:
    """Return the audit as JSON: the names of its parts, the oldest entry first."""
    content = {
        "holds": audit.holds,
        "verdict": text.verdict(audit),
        "links": {str(truth): audit.count(truth) for truth in Truth},
        **dataclasses.asdict(audit),
    }
    return json.dumps(content, indent=2)
