"""`headrace alert`: the incidents, and a person's decision about one, as a commit of its file."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from headrace.core import git, identity
from headrace.core.project import Project
from headrace.errors import HeadraceError, ProjectError, nearest
from headrace.incidents import store, text
from headrace.incidents.incident import Decision, Incident
from headrace.report.text import plain

DONE = {
    "dismiss": "Dismissed",
    "rollback": "Recorded the decision to roll back for",
    "retrain": "Recorded the decision to retrain for",
}
NEXT = {
    "dismiss": "It is not reported again while it stays open, unless its level rises.",
    "rollback": "Next: headrace rollback",
    "retrain": "Next: headrace retrain",
}


def list_incidents(project: Project) -> None:
    """Print the incidents: open ones first, of those the most severe and the newest.

    Errors:
        DataError: a file of alerts/ cannot be read.
    """
    for line in incident_lines(store.read(project.root).values()):
        print(plain(line))


def incident_lines(incidents: Iterable[Incident]) -> list[str]:
    """Return the incidents in words, in the order in which they need attention."""
    # Two sorts, since the second is stable: within a rank the newest stays first.
    ranked = sorted(incidents, key=lambda incident: incident.opened, reverse=True)
    ranked.sort(key=lambda incident: (not incident.is_open, incident.is_dismissed, incident.level))
    if not ranked:
        return ["No incidents yet. Next: headrace monitor, once there are live batches"]
    return [line for incident in ranked for line in _lines(incident)]


def _lines(incident: Incident) -> Iterator[str]:
    yield f"{incident.id}  {incident.level}, {text.state(incident)}"
    yield f"  {incident.rule}: {text.evidence(incident)}"
    if decision := text.decision(incident):
        yield f"  {decision}"
    elif incident.is_open:
        yield f"  {incident.do}"


def decide(project: Project, name: str, choice: str, reason: str) -> None:
    """Record a person's choice about an incident, and the reason, as one commit of one file.

    Errors:
        HeadraceError: there is no such incident, no reason, or git does not know who decides; the
            index, or the incident's file, holds other changes; git refuses to commit. Then nothing
            is changed.
    """
    incident = _find(store.read(project.root), name)
    # An argument in another encoding has lone surrogates, which git refuses.
    reason = reason.encode("utf-8", "backslashreplace").decode().strip()
    if not reason:
        raise HeadraceError("Nothing was changed: a reason is required. Next: --reason TEXT")
    _refuse_other_changes(project, incident)
    by = identity.author(project.root)
    when = datetime.fromtimestamp(by.time, UTC).isoformat(timespec="seconds")
    decision = Decision(choice, reason, by.person.name, by.person.email, when, str(incident.level))
    decided = replace(incident, decisions=[*incident.decisions, decision])
    _commit(project, decided, f"{choice.capitalize()} {incident.id}", reason)
    note = _replaced_decision(incident, decision)
    for line in (f"{DONE[choice]} {incident.id}. Reason: {reason}", *note, NEXT[choice]):
        print(plain(line))


def _find(incidents: dict[str, Incident], name: str) -> Incident:
    name = name.removeprefix(f"{store.FOLDER}/").removesuffix(".json")
    if name not in incidents:
        near = nearest(name, incidents)
        raise HeadraceError(f"There is no incident {name}.{near} Next: headrace alert, for all")
    return incidents[name]


def _refuse_other_changes(project: Project, incident: Incident) -> None:
    path = store.file_name(incident)
    git.head_tree(project.root)  # or there is no commit
    staged = git.run(project.root, "diff", "--cached", "--name-only", "--no-ext-diff", "-z")
    if first := staged.partition("\0")[0]:
        raise ProjectError(
            f"The index holds other changes ({first}), and a decision is a commit of its own."
            " Next: git commit, or git restore --staged ."
        )
    options = ("--porcelain", "--untracked-files=all", "--ignored")
    if git.run(project.root, "status", *options, "--", path):
        raise ProjectError(
            f"{path} has uncommitted changes. Commit the incident before a decision."
            f" Next: git add {path} && git commit -m 'Record the incident'"
        )


def _replaced_decision(incident: Incident, decision: Decision) -> list[str]:
    """Return a note on the decision that no longer applies, if there is one."""
    last = incident.decision
    if last is None:
        return []
    note = f"This replaces the decision of {last.name} ({last.choice}), which stays in the file."
    clock = " By this machine's clock, that one is later." if last.when > decision.when else ""
    return [note + clock]


def _commit(project: Project, incident: Incident, subject: str, reason: str) -> None:
    path = project.root / store.file_name(incident)
    before = path.read_bytes()
    store.write(project.root, incident)
    # --only: what else is in the index is not part of the decision.
    options = ("--quiet", "--only", "--message", subject, "--message", reason)
    try:
        git.run(project.root, "commit", *options, "--", store.file_name(incident))
    except ProjectError as error:
        # A decision that is in no commit would count for nobody.
        path.write_bytes(before)
        problem = f"{error}\nNo decision was recorded."
        raise ProjectError(f"{problem} Next: fix that, and decide again") from None
