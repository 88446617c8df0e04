"""Notifications: each receiver gets a transition once, and again only if receipt is unsure."""

import sys
from collections.abc import Sequence

from headrace.alerts import issues as github_issues
from headrace.alerts import webhook
from headrace.core.project import Project
from headrace.incidents import store, text
from headrace.incidents.incident import Transition
from headrace.report.text import plain

OUTPUT, WEBHOOK = "output", "webhook"


def notify(project: Project, transitions: Sequence[Transition], *, issue: bool = False) -> None:
    """Notify standard output, the webhook, and GitHub's issues if asked to.

    Receipt is recorded after each receiver, so that a kill in between repeats and never omits. A
    receiver that is not reachable does not stop or fail the run: it is reported, and the next run
    tries again. Where the issues are the memory, the webhook hears nothing of incidents that are
    over and have no issue.
    """
    url = webhook.address(project.settings)
    receivers = [OUTPUT, *([WEBHOOK] if url else [])]
    for transition in transitions:
        if not transition.receivers:
            transition.receivers.update(dict.fromkeys(receivers, False))
    issues = github_issues.read_issues() if issue else None
    if issues:
        github_issues.recall(issues, transitions, WEBHOOK)
    # Standard output first: it needs no network, so a log has it in any case.
    _print(_waiting(transitions, OUTPUT))
    _mark(project, transitions, OUTPUT)
    if url:
        waiting = _waiting(transitions, WEBHOOK)
        if issues:
            waiting = [
                transition for transition in waiting if issues.has_memory_of(transition.incident)
            ]
        _post(project, url, waiting)
    if issues:
        for line in github_issues.write(issues, store.read(project.root), WEBHOOK):
            print(plain(line), file=sys.stderr)


def _waiting(transitions: Sequence[Transition], receiver: str) -> list[Transition]:
    return [
        transition for transition in transitions if not transition.receivers.get(receiver, True)
    ]


def _print(transitions: Sequence[Transition]) -> None:
    for transition in transitions:
        print(plain(text.transition_line(transition)))
        for choice, command in text.next_commands(transition.incident).items():
            print(f"  {choice:<9}  {command}")
    sys.stdout.flush()


def _post(project: Project, url: str, transitions: Sequence[Transition]) -> None:
    if not transitions:
        return
    content = webhook.message(project.root.name, transitions)
    problem = webhook.post(url, content, seconds=webhook.SECONDS)
    if not problem:
        _mark(project, transitions, WEBHOOK)
        return
    step = "Next: nothing; the next run tries again"
    print(f"The webhook was not notified: {problem}. {step}", file=sys.stderr)


def _mark(project: Project, transitions: Sequence[Transition], receiver: str) -> None:
    """Record that a receiver was notified, in the incidents' files."""
    for transition in transitions:
        if receiver in transition.receivers:
            transition.receivers[receiver] = True
    # An incident may have several transitions, and its file is written once.
    incidents = {transition.incident.id: transition.incident for transition in transitions}
    for incident in incidents.values():
        store.write(project.root, incident)
