"""`headrace alert`: the incidents as they are, and a person's decisions."""

import argparse
from collections.abc import Iterable

from headrace.alerts.decision import decide
from headrace.core.project import Project
from headrace.incidents import format as wording
from headrace.incidents import store
from headrace.incidents.incident import Incident
from headrace.report.text import plain


def run(project: Project, args: argparse.Namespace) -> None:
    """Show the incidents, or record a decision.

    Errors:
        HeadraceError: see `decide`, and `folder.read`.
    """
    if args.word in (None, "list"):
        for line in show(store.read(project.root).values()):
            print(plain(line))
        return
    what = "dismiss" if args.word == "dismiss" else args.what
    for line in decide(project, args.id, what, args.reason):
        print(plain(line))


def show(incidents: Iterable[Incident]) -> list[str]:
    """Return the incidents in words: open ones first, of those the loudest and the newest."""
    listed = sorted(incidents, key=lambda one: one.opened, reverse=True)
    listed.sort(key=lambda one: (not one.is_open, one.is_dismissed, one.level))
    if not listed:
        return ["No incident yet. Next: headrace monitor, once there are live batches"]
    return [line for one in listed for line in _told(one)]


def _told(one: Incident) -> Iterable[str]:
    yield f"{one.id}  {one.level}, {wording.standing(one)}"
    yield f"  {one.rule}: {wording.shows(one)}"
    if decided := wording.decided(one):
        yield f"  {decided}"
    elif one.is_open:
        yield f"  {one.do}"
