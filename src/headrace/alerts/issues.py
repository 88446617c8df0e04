"""In CI: one GitHub issue per incident, renewed in place, closed with it.

A machine of CI forgets: the issue itself says which transitions the webhook was told of.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from headrace.alerts.issue_text import render, told
from headrace.core import github
from headrace.incidents.incident import Incident, Transition
from headrace.report.text import plain

OURS = re.compile(r"<!-- headrace: incident (\S+) -->")
TITLE = 200
"""Letters of a title: GitHub takes 256."""


@dataclass(frozen=True)
class Issue:
    """An issue that an earlier run wrote."""

    number: int
    body: str


@dataclass(frozen=True)
class Desk:
    """A repository on GitHub, and its issues about incidents, by the incidents' ids."""

    repository: str
    known: Mapping[str, Issue]


def open_desk(*, issue: bool) -> Desk | None:
    """Return the desk that CI asks for; None where nobody does, or GitHub is not there: it is said.

    The oldest issue counts, where an incident has two.
    """
    repository = os.environ.get("GITHUB_REPOSITORY", "")
    if not issue:
        return None
    if not repository:
        print("No issue: GITHUB_REPOSITORY is not set. Next: --issue in CI only", file=sys.stderr)
        return None
    try:
        words = ("--method", "GET", "--paginate", "-f", "state=all", "-f", "per_page=100")
        said = github.api(f"repos/{repository}/issues", *words)
        known: dict[str, Issue] = {}
        for incident, found in sorted(_mine(said), key=lambda one: one[1].number):
            known.setdefault(incident, found)
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        _refused("read")
        return None
    return Desk(repository, known)


def _mine(said: str) -> Iterator[tuple[str, Issue]]:
    for one in github.parse_pages(said):
        body = str(one.get("body") or "").replace("\r\n", "\n")
        found = OURS.match(body)
        is_ours = (one.get("user") or {}).get("type") == "Bot" and "pull_request" not in one
        if found and is_ours:
            yield found[1], Issue(int(one["number"]), body)


def _refused(what: str) -> str:
    said = f"GitHub's issues could not be {what}. Next: permissions issues: write, and gh on PATH"
    print(said, file=sys.stderr)
    return said


def recall(desk: Desk, transitions: Sequence[Transition], who: str) -> None:
    """Note what an earlier machine told, by the word of the issues that it wrote."""
    for one in transitions:
        issue = desk.known.get(one.incident.id)
        if issue and who in one.heard and told(who, f"{one.word} {one.batch}") in issue.body:
            one.heard[who] = True


def minds(desk: Desk, one: Incident) -> bool:
    """Tell whether an incident is this desk's: it is alive, or has an issue that remembers.

    Of one that was over before it had an issue, nobody would know tomorrow that it was told.
    """
    return _is_alive(one) or one.id in desk.known


def _is_alive(one: Incident) -> bool:
    return one.is_open and not one.is_dismissed


def write(desk: Desk, incidents: Mapping[str, Incident], who: str) -> list[str]:
    """Write what changed, and say so; an incident that was over before it had an issue gets none.

    An issue that a person closed by hand stays closed until there is news.
    """
    said = []
    for one in incidents.values():
        body, issue = render(one, who), desk.known.get(one.id)
        if not minds(desk, one) or (issue and issue.body.strip() == body.strip()):
            continue
        try:
            said.append(_put(desk, one, issue, body))
        except (OSError, subprocess.SubprocessError):
            _refused("written")
            break
    return said


def _put(desk: Desk, one: Incident, issue: Issue | None, body: str) -> str:
    title = plain(" ".join(f"{one.rule} (since {one.opened})".split()))[:TITLE]
    place = f"repos/{desk.repository}/issues"
    if issue is None:
        github.api(place, "--method", "POST", "-f", f"title={title}", body=body)
        return f"Issue for {one.id}: new."
    state = "open" if _is_alive(one) else "closed"
    words = ("--method", "PATCH", "-f", f"title={title}", "-f", f"state={state}")
    github.api(f"{place}/{issue.number}", *words, body=body)
    return f"Issue {issue.number} for {one.id}: renewed, {state}."
