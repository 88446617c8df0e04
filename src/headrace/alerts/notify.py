"""Who is told of what: once, and again only where nobody can be sure that it was heard."""

import sys
from collections.abc import Sequence

from headrace.alerts import issues, webhook
from headrace.core.project import Project
from headrace.incidents import format as wording
from headrace.incidents import store
from headrace.incidents.incident import Transition
from headrace.report.text import plain

OUTPUT, WEBHOOK = "output", "webhook"


def tell(project: Project, transitions: Sequence[Transition], *, issue: bool = False) -> None:
    """Tell each who has not heard: standard output, the webhook, and GitHub's issues if asked to.

    What was heard is written down after each, so that a kill in between repeats and never omits.
    Nobody who cannot be reached stops or fails the run: that is said, and tried again by the next.
    Where the issues are the memory, the webhook hears nothing of what is over and has none.
    """
    url = webhook.address(project.settings)
    who = [OUTPUT, *([WEBHOOK] if url else [])]
    for one in transitions:
        if not one.heard:
            one.heard.update(dict.fromkeys(who, False))
    desk = issues.open_desk(issue=issue)
    if desk:
        issues.recall(desk, transitions, WEBHOOK)
    _print([one for one in transitions if not one.heard.get(OUTPUT, True)])
    _mark(project, transitions, OUTPUT)
    if url:
        waiting = [one for one in transitions if not one.heard.get(WEBHOOK, True)]
        mine = [one for one in waiting if desk is None or issues.minds(desk, one.incident)]
        _post(project, url, mine)
    if desk:
        for said in issues.write(desk, store.read(project.root), WEBHOOK):
            print(plain(said), file=sys.stderr)


def _print(transitions: Sequence[Transition]) -> None:
    for one in transitions:
        print(plain(wording.line(one)))
        for way, command in wording.ways(one.incident).items():
            print(f"  {way:<9}  {command}")
    sys.stdout.flush()


def _post(project: Project, url: str, transitions: Sequence[Transition]) -> None:
    if not transitions:
        return
    content = webhook.message(project.root.name, transitions)
    problem = webhook.post(url, content, seconds=webhook.SECONDS)
    if not problem:
        _mark(project, transitions, WEBHOOK)
        return
    step = "Next: nothing; the next run tells it again"
    print(f"The webhook was not told: {problem}. {step}", file=sys.stderr)


def _mark(project: Project, transitions: Sequence[Transition], who: str) -> None:
    for one in transitions:
        if who in one.heard:
            one.heard[who] = True
    for incident in {one.incident.id: one.incident for one in transitions}.values():
        store.write(project.root, incident)
