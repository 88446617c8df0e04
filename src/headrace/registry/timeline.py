"""The life of the versions on one time line: each event in words, with its links."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from headrace.core.identity import Person
from headrace.registry import event_details
from headrace.registry.check_result import Case, Link, Truth
from headrace.registry.evidence import lookup
from headrace.registry.tags import Kind

TRAINED = ("commit", "tree", "lock", "bundle", "metrics", "parameters", "bytes-kept")
VERIFIED = ("certificate",)
WORDS = {
    ("promote", Kind.ASSIGN): "promoted",
    ("rollback", Kind.ASSIGN): "restored",
    ("rollback", Kind.UNASSIGN): "rolled back",
    ("demote", Kind.UNASSIGN): "demoted",
}
PLAIN = {
    Kind.REGISTER: "registered",
    Kind.ASSIGN: "assigned",
    Kind.UNASSIGN: "un-assigned",
    Kind.DEREGISTER: "deregistered",
    Kind.DEPRECATE: "deprecated",
}
"""What events are called that hold no evidence."""


@dataclass(frozen=True)
class Entry:
    """One line of the life: what happened to which version, when (seconds since 1970), by whom.

    `facts` are pairs of a head and a text; `marked` says that it must be seen at once.
    """

    time: int
    word: str
    what: str
    who: str
    tag: str = ""
    version: str = ""
    stage: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    links: tuple[Link, ...] = ()
    marked: bool = False
    dated: bool = True
    """Whether anybody says when it was; a lightweight tag does not."""

    @property
    def broken(self) -> list[Link]:
        """The links that are broken."""
        return [one for one in self.links if one.truth is Truth.BROKEN]

    @property
    def moment(self) -> str:
        """The time as people read it, in UTC."""
        return moment(self.time) if self.dated else "no time"


def moment(time: int) -> str:
    """Return a time as people read it, in UTC."""
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):  # a forged tag may hold any number
        return "no time"


def entries(case: Case, links: tuple[Link, ...], last: object) -> Iterator[Entry]:
    """Walk what an event tells; a registration tells of training and verifying, too.

    `last` are the parameters of the version before.
    """
    event, known = case.event, case.event.evidence is not None
    if known and event.name.kind is Kind.REGISTER:
        yield from _made(case, links, last)
        used = (*TRAINED, *VERIFIED)
        links = tuple(one for one in links if one.name not in used)
    version = _version(case)
    stage = event.name.stage
    action = str(case.said("action") or "")
    entry = Entry(
        event.by.time if event.annotated else _newest(case),
        WORDS.get((action, event.name.kind), PLAIN[event.name.kind]),
        _what(case, version, action),
        str(event.by.person) if event.annotated else "nobody knows who",
        event.tag,
        version,
        stage,
        tuple(event_details.told(case, action)),
        links,
        marked=not known,
        dated=event.annotated,
    )
    overridden = bool(case.said("override"))
    yield replace(entry, word="overridden", marked=True) if overridden else entry


def _version(case: Case) -> str:
    version = case.state.version(case.event)
    return version[:10] if version == case.event.commit else version


def _what(case: Case, version: str, action: str) -> str:
    stage, before = case.event.name.stage, case.said("champion", "version")
    if case.event.name.kind is Kind.ASSIGN:
        if action == "rollback":
            return f"{version} is in {stage} again"
        return f"{version} to {stage}" + (f", in the place of {before}" if before else "")
    if case.event.name.kind is Kind.UNASSIGN:
        return f"{version} out of {stage}"
    return version if case.event.name.version else case.event.name.artifact


def _newest(case: Case) -> int:
    """Return when the newest event was: what has no time of its own is shown first."""
    return case.state.newest.by.time if case.state.newest else 0


def _made(case: Case, links: tuple[Link, ...], last: object) -> Iterator[Entry]:
    """Walk what came before a registration: the commit, and its certificate."""
    version, held = case.event.name.version, case.held
    if held is None:
        return
    changed = event_details.changed(last, case.said("parameters"))
    listed = [("commit", f"{held.commit[:10]} {held.subject}")]
    listed += [("parameters", changed)] if changed else []
    listed += [("metrics", told)] if (told := event_details.metrics(case)) else []
    mine = tuple(one for one in links if one.name in TRAINED)
    word = "retrained" if isinstance(last, Mapping) else "trained"
    who = str(held.author.person)
    yield Entry(held.author.time, word, version, who, "", version, "", tuple(listed), mine)
    certificate = case.said("certificate")
    seconds = _seconds(lookup(certificate, "verified"))
    mine = tuple(one for one in links if one.name in VERIFIED)
    time = case.event.by.time if seconds is None else seconds
    proof = tuple(event_details.proof(certificate))
    yield Entry(time, "verified", version, "headrace verify", "", version, "", proof, mine)


def _seconds(said: object) -> int | None:
    """Return a time that a certificate writes as seconds since 1970."""
    try:
        return int(datetime.fromisoformat(str(said)).timestamp())
    except (ValueError, OverflowError):
        return None


def gone(case: Case) -> Iterator[Entry]:
    """Yield the gap before an event that follows a tag which is not there any more."""
    name = case.said("previous", "tag")
    if isinstance(name, str) and name not in case.shared.tags and name not in case.shared.gone:
        case.shared.gone.add(name)
        says = f"{case.event.tag} holds its hash, and follows it"
        time, nobody = case.event.by.time, str(Person("nobody knows who", "")).removesuffix(" <>")
        yield Entry(time, "gone", name, nobody, facts=(("gap", says),), marked=True)
