"""In CI: one GitHub issue per incident, updated in place, closed with the incident.

A CI machine has no memory: the issue's text records which transitions the webhook received.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from headrace.core import github
from headrace.incidents import text
from headrace.incidents.incident import Incident, Transition
from headrace.incidents.store import file_name
from headrace.report.markdown import code, escape, table
from headrace.report.text import number, plain

MARK = "<!-- headrace: incident {} -->"
MARK_PATTERN = re.compile(MARK.format(r"(\S+)"))
TITLE = 200
"""Letters of a title: GitHub allows 256."""
FAILURES = (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError)


@dataclass(frozen=True)
class Issue:
    """An issue that an earlier run wrote."""

    number: int
    body: str


@dataclass(frozen=True)
class Issues:
    """A repository on GitHub, and its issues by the incidents' ids."""

    repository: str
    by_incident: Mapping[str, Issue]

    def has_memory_of(self, incident: Incident) -> bool:
        """Return whether an incident is active, or has an issue that records notifications.

        An incident that was over before it had an issue would be reported again by every run.
        """
        return _is_active(incident) or incident.id in self.by_incident


def read_issues() -> Issues | None:
    """Return the issues of CI's repository; None, with a message, where GitHub is not available.

    Of two issues for one incident the older counts.
    """
    repository = os.environ.get("GITHUB_REPOSITORY", "")
    if not repository:
        print("No issue: GITHUB_REPOSITORY is not set. Next: --issue in CI only", file=sys.stderr)
        return None
    try:
        options = ("--method", "GET", "--paginate", "-f", "state=all", "-f", "per_page=100")
        output = github.api(f"repos/{repository}/issues", *options)
        pairs = sorted(_incident_issues(output), key=lambda pair: pair[1].number, reverse=True)
        # A person may have copied an issue, mark and all: the older one, which comes last, is ours.
        return Issues(repository, dict(pairs))
    except FAILURES:
        _report_failure("read")
        return None


def _incident_issues(output: str) -> Iterator[tuple[str, Issue]]:
    """Yield the issues that an earlier run wrote, each with its incident's id."""
    for issue in github.parse_pages(output):
        # GitHub returns a text with the line ends of a form.
        body = str(issue.get("body") or "").replace("\r\n", "\n")
        match = MARK_PATTERN.match(body)
        by_bot = (issue.get("user") or {}).get("type") == "Bot" and "pull_request" not in issue
        if match and by_bot:
            yield match[1], Issue(int(issue["number"]), body)


def _report_failure(action: str) -> None:
    step = "permissions issues: write, and gh on PATH"
    print(f"Cannot {action} GitHub's issues. Next: {step}", file=sys.stderr)


def recall(issues: Issues, transitions: Sequence[Transition], receiver: str) -> None:
    """Mark the transitions that the issues record as received."""
    for transition in transitions:
        issue = issues.by_incident.get(transition.incident.id)
        is_marked = issue is not None and received_mark(receiver, transition.key) in issue.body
        if is_marked and receiver in transition.receivers:
            transition.receivers[receiver] = True


def _is_active(incident: Incident) -> bool:
    return incident.is_open and not incident.is_dismissed


def write(issues: Issues, incidents: Mapping[str, Incident], receiver: str) -> list[str]:
    """Create and update issues, and return a line for each.

    An incident that was over before it had an issue gets none. An issue that a person closed stays
    closed until its text changes.
    """
    lines = []
    for incident in incidents.values():
        body, issue = render(incident, receiver), issues.by_incident.get(incident.id)
        unchanged = issue is not None and issue.body.strip() == body.strip()
        if unchanged or not issues.has_memory_of(incident):
            continue
        try:
            lines.append(_write_issue(issues, incident, issue, body))
        except FAILURES[:2]:
            # The others would fail alike, each after its time-out.
            _report_failure("write")
            break
    return lines


def _write_issue(issues: Issues, incident: Incident, issue: Issue | None, body: str) -> str:
    title = f"{incident.rule} (since {incident.opened})"
    title = plain(" ".join(title.split()))[:TITLE]
    path = f"repos/{issues.repository}/issues"
    if issue is None:
        github.api(path, "--method", "POST", "-f", f"title={title}", body=body)
        return f"Issue for {incident.id}: created."
    state = "open" if _is_active(incident) else "closed"
    options = ("--method", "PATCH", "-f", f"title={title}", "-f", f"state={state}")
    github.api(f"{path}/{issue.number}", *options, body=body)
    return f"Issue {issue.number} for {incident.id}: updated, {state}."


def render(incident: Incident, receiver: str) -> str:
    """Return an issue's text as harmless Markdown: evidence, decision, next commands, marks."""
    parts = [MARK.format(incident.id), f"**{escape(incident.level)}**: {escape(incident.do)}"]
    parts.append(f"{escape(text.state(incident))}. {escape(text.evidence(incident))}.")
    rows = [
        (escape(batch), number(result.value), str(result.state))
        for batch, result in incident.batches.items()
    ]
    parts.append(table(("batch", code(incident.figure), ""), rows, words=1))
    if decision := text.decision(incident):
        parts.append(f"Decided: {escape(decision)}")
    parts += _next_commands(incident)
    marks = [
        received_mark(receiver, key)
        for key, receivers in incident.notified.items()
        if receivers.get(receiver)
    ]
    parts += ["\n".join(marks)] if marks else []
    return "\n\n".join(parts) + "\n"


def received_mark(receiver: str, key: str) -> str:
    """Return the hidden mark by which an issue records that a transition was received."""
    return f"<!-- headrace told {receiver}: {escape(key)} -->"


def _next_commands(incident: Incident) -> Iterator[str]:
    commands = text.next_commands(incident)
    if not commands:
        return
    lines = "\n".join(f"# {choice}\n{command}" for choice, command in commands.items())
    yield f"### What you can do\n\n```sh\n{lines}\n```"
    name = file_name(incident)
    first = f"headrace monitor && git add {name} && git commit -m 'Record the incident'"
    yield f"If {code(name)} is not in git yet, first:\n\n```sh\n{first}\n```"
