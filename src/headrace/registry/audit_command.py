"""`headrace audit`: of a study, of another folder's repository, or of a bare clone."""

import dataclasses
import io
import json
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from headrace.core import git
from headrace.core.project import Project
from headrace.errors import ProjectError
from headrace.registry import audit, markdown, terminal, text
from headrace.registry.audit import Audit
from headrace.registry.check import Outcome
from headrace.registry.incidents import IncidentHistory
from headrace.report.terminal import has_colours

LINES = 40
"""Entries that a terminal shows; a pipe or a file gets all."""
KEYS = {
    "artifacts": "lives",
    "stages": "held",
    "results": "links",
    "outcome": "truth",
    "message": "says",
    "model_version": "judge",
    "event": "word",
    "subject": "what",
    "person": "who",
    "status": "standing",
    "evidence": "shows",
    "decision": "decided",
    "decided_by": "by",
}
"""Fields that have other names in the JSON, which programs read."""
BATCH_INCIDENT = ("id", "rule", "level", "is_open", "standing", "decided", "by")
"""What the JSON holds of an incident below its batch; the rest is among the incidents."""


def run(
    study: Project | None,
    repository: Path | None,
    *,
    artifact: str | None,
    form: str,
    html: Path | None,
) -> int:
    """Audit and show; return 1 if a check failed. `form` is terminal, markdown or json.

    Errors:
        HeadraceError: there is no repository, or the page cannot be written.
    """
    root, prefix = _locate(study, repository)
    result = audit.audit_repository(root, artifact, prefix)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may lack a character
        sys.stdout.reconfigure(errors="backslashreplace")
    if html:
        _write_page(result, html)
    elif form == "markdown":
        print(markdown.render(result), end="")
    elif form == "json":
        print(as_json(result))
    else:
        most = LINES if sys.stdout.isatty() else None
        print(terminal.render(result, colour=has_colours(), most=most))
    return int(not result.holds)


def _locate(study: Project | None, repository: Path | None) -> tuple[Path, str | None]:
    """Return the folder to run git in, and the path to the study in it; None: all studies."""
    root = repository or (study.root if study else Path.cwd())
    if not root.is_dir():
        step = f"git clone --bare {shlex.quote(str(root))}, and audit that"
        raise ProjectError(f"{root} is not a folder. Next: {step}")
    try:
        git.run(root, "rev-parse", "--git-dir")
    except ProjectError:
        step = "cd into a repository, or name one"
        raise ProjectError(f"{root} is not a git repository. Next: {step}") from None
    # A bare clone has no working tree, and a top folder may hold many studies.
    if not git.is_repository(root) or not (root / "dvc.yaml").is_file():
        return root, None
    return root, git.prefix(root)


def _write_page(result: Audit, path: Path) -> None:
    from headrace.registry import page  # with Jinja2, which the terminal does without
    from headrace.report import pages

    pages.write(path, page.render(result))
    print(path)


def as_json(result: Audit) -> str:
    """Return an audit as JSON, the oldest entry first."""
    content: dict[str, Any] = {
        "holds": result.holds,
        "verdict": text.verdict(result),
        "links": {str(outcome): result.count(outcome) for outcome in Outcome},
        **dataclasses.asdict(result, dict_factory=_with_keys),
    }
    for live, live_content in zip(result.live, content["live"], strict=True):
        for batch, batch_content in zip(live.batches, live_content["batches"], strict=True):
            batch_content["marks"] = [
                {"level": rule.level, "limit": rule.limit} for rule in batch.marks
            ]
            batch_content["incidents"] = [*map(_batch_incident, batch.incidents)]
    return json.dumps(content, indent=2)


def _batch_incident(incident: IncidentHistory) -> dict[str, Any]:
    content = dataclasses.asdict(incident, dict_factory=_with_keys)
    return {**{key: content[key] for key in BATCH_INCIDENT}, "sound": not incident.failed}


def _with_keys(fields: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {KEYS.get(name, name): value for name, value in fields}
