"""A person's decision about an incident: into its file, and into git with it."""

from dataclasses import replace
from datetime import UTC, datetime

from headrace.core import git, identity
from headrace.core.project import Project
from headrace.core.suggest import nearest
from headrace.errors import HeadraceError, ProjectError
from headrace.incidents import store
from headrace.incidents.incident import Decision, Incident

NEXT = {
    "dismiss": "It is not told again while it stays open, unless its level rises.",
    "rollback": "Next: headrace rollback",
    "retrain": "Next: headrace retrain",
}


def decide(project: Project, name: str, what: str, reason: str) -> list[str]:
    """Record who decides what about an incident, and why, as one commit of one file.

    Errors:
        HeadraceError: there is no such incident, no reason, or git does not know who decides; the
            index, or the incident's file, holds other changes; git does not commit. Then nothing is
            changed.
    """
    incidents = store.read(project.root)
    one = _named(incidents, name)
    reason = reason.encode("utf-8", "backslashreplace").decode().strip()
    if not reason:
        raise HeadraceError("Without a reason nothing was done. Next: --reason TEXT")
    _refuse_other_changes(project, one)
    by = identity.author(project.root)
    when = datetime.fromtimestamp(by.time, UTC).isoformat(timespec="seconds")
    made = Decision(what, reason, by.person.name, by.person.email, when, str(one.level))
    said = _superseded(one, made)
    _commit(project, replace(one, decisions=[*one.decisions, made]), f"{what} {one.id}", reason)
    return [f"{one.id}: {what}, for: {reason}", *said, NEXT[what]]


def _named(incidents: dict[str, Incident], name: str) -> Incident:
    name = name.removeprefix(f"{store.FOLDER}/").removesuffix(".json")
    if name not in incidents:
        near = nearest(name, incidents)
        raise HeadraceError(f"There is no incident {name}.{near} Next: headrace alert, for all")
    return incidents[name]


def _refuse_other_changes(project: Project, one: Incident) -> None:
    path = store.name(one)
    git.head_tree(project.root)
    staged = git.run(project.root, "diff", "--cached", "--name-only", "--no-ext-diff", "-z")
    if first := staged.partition("\0")[0]:
        raise ProjectError(
            f"The index holds other changes ({first}), and a decision is a commit of its own."
            " Next: git commit, or git restore --staged ."
        )
    words = ("status", "--porcelain", "--untracked-files=all", "--ignored", "--", path)
    if git.run(project.root, *words):
        raise ProjectError(
            f"{path} is not committed as it is, and what is decided on must be."
            f" Next: git add {path} && git commit -m 'Record the incident'"
        )


def _superseded(one: Incident, made: Decision) -> list[str]:
    """Say which decision no longer stands, and when the clock says that it is the later one."""
    last = one.decision
    if last is None:
        return []
    back = (
        " By this machine's clock it was made later than this one." if last.when > made.when else ""
    )
    return [f"It stands in the place of {last.what} by {last.name}, which is kept.{back}"]


def _commit(project: Project, one: Incident, subject: str, reason: str) -> None:
    path = project.root / store.name(one)
    before = path.read_bytes()
    store.write(project.root, one)
    subject = f"{subject[0].upper()}{subject[1:]}"
    words = ("commit", "--quiet", "--only", "--message", subject, "--message", reason)
    try:
        git.run(project.root, *words, "--", store.name(one))
    except ProjectError as error:
        path.write_bytes(before)
        raise ProjectError(
            f"{error}\nNothing was decided. Next: mend that, and decide again"
        ) from None
