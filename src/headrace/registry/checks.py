"""The links of the chain: tag, commit, dvc.lock, hashes, certificate; and the tag before.

A link is a generator of problems. Its docstring says what holds where there is none.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headrace.core import lockfile
from headrace.registry import certificate as certified
from headrace.registry.check_result import STAGED, Case, NotAtHand, link
from headrace.registry.evidence import lookup
from headrace.registry.tags import Kind

ACTIONS = {
    Kind.REGISTER: ("register",),
    Kind.ASSIGN: ("promote", "rollback"),
    Kind.UNASSIGN: ("demote", "rollback"),
}
COPIED = ("tree", lockfile.NAME, "bundle", "certificate", "metrics", "author")
"""What an event in a stage repeats of the registration."""


@link()
def tag(case: Case) -> Iterator[str]:
    """The tag holds evidence, which says what the tag's name says."""
    event, name = case.event, case.event.name
    if event.evidence is None:
        yield event.problem
    if event.named not in ("", event.tag):
        yield f"the tag was renamed: it calls itself {event.named}"
    told = {"artifact": name.artifact, "version": case.state.version(event)}
    told |= {"stage": name.stage} if name.stage else {}
    for key, value in told.items():
        if case.said(key) != value:
            yield f"its evidence says {key} {case.said(key)}, and the tag says {value}"
    if case.said("action") not in ACTIONS.get(name.kind, ()):
        yield f"its evidence is of another action: {case.said('action')}"


@link()
def previous(case: Case) -> Iterator[str]:
    """It follows the tag that it says it follows, and that one is as it was."""
    newest, told = case.state.newest, case.said("previous")
    before = {"tag": newest.tag, "object": newest.object} if newest else None
    if told == before:
        return
    name = lookup(told, "tag")
    known = case.shared.tags.get(name) if isinstance(name, str) else None
    if told is None and newest:
        yield f"it says that it is the first, and {newest.tag} is before it"
    elif known is None:
        yield f"it follows {name}, and that tag is gone"
    elif known.object != lookup(told, "object"):
        yield f"it follows {name}, and that tag was made anew since"
    else:
        yield f"it follows {name}, and {newest.tag if newest else 'nothing'} stands between"


@link(*STAGED)
def counter(case: Case) -> Iterator[str]:
    """Its number follows the one before, and is there once."""
    number, counters = case.event.name.counter, case.shared.counters
    if number is None:
        yield "it has no number"
        return
    if number > 1 and number - 1 not in counters:
        first = number - 1
        while first > 1 and first - 1 not in counters:
            first -= 1
        gap = f"#{first} is" if first == number - 1 else f"#{first} to #{number - 1} are"
        yield f"there is a gap before it: {gap} missing"
    if counters.get(number, 0) > 1:
        yield f"#{number} is there {counters[number]} times"


@link()
def commit(case: Case) -> Iterator[str]:
    """The tag is on the commit that its evidence names."""
    if case.said("commit") != case.event.commit:
        other = str(case.said("commit"))[:10]
        yield f"the tag is on {case.event.commit[:10]}, and its evidence on {other}"
    if case.held is None:
        yield f"git has no commit {case.event.commit[:10]}"


@link(Kind.REGISTER)
def tree(case: Case) -> Iterator[str]:
    """The commit holds the tree that was verified."""
    if case.said("tree") != case.commit.tree:
        yield f"the commit's tree is {case.commit.tree[:10]}, not {str(case.said('tree'))[:10]}"


@link(Kind.REGISTER)
def lock(case: Case) -> Iterator[str]:
    """The commit's dvc.lock is the one that was registered."""
    if case.commit.problems:
        yield case.commit.problems[0]
    if case.said(lockfile.NAME) != case.commit.lock:
        yield f"{lockfile.NAME} has another sha256 than the evidence says"


@link(Kind.REGISTER)
def bundle(case: Case) -> Iterator[str]:
    """dvc.lock records the bundle that was registered."""
    path, md5 = case.said("bundle", "path"), case.said("bundle", "md5")
    recorded = case.commit.outs.get(path) if isinstance(path, str) else None
    if recorded != md5 or md5 is None:
        yield f"{lockfile.NAME} records {path} as {recorded}, the evidence as {md5}"


@link(Kind.REGISTER)
def metrics(case: Case) -> Iterator[str]:
    """The metrics are those that dvc.lock records, and those of the evidence."""
    held = {file: one for file, one in case.commit.metrics.items() if one is not None}
    for file, one in held.items():
        if case.commit.outs.get(file, one.md5) != one.md5:
            yield f"{file} was edited: {lockfile.NAME} records other bytes"
    told = case.said("metrics")
    if told != {file: one.numbers for file, one in held.items()}:
        yield from _others(told, {file: dict(one.numbers) for file, one in held.items()})


def _others(told: object, held: dict[str, Any]) -> Iterator[str]:
    for file, numbers in held.items():
        for name, value in numbers.items():
            said = lookup(told, file, name)
            if said != value:
                yield f"{file}: {name} is {value} in the commit, and {said} in the evidence"
    yield "the evidence has metrics that the commit does not have"


@link(Kind.REGISTER)
def parameters(case: Case) -> Iterator[str]:
    """The parameters are the commit's."""
    told, held = case.said("parameters"), case.commit.parameters
    if told != held:
        known = told if isinstance(told, dict) else {}
        names = [one for one in {**held, **known} if known.get(one) != held.get(one)]
        yield f"params.yaml has another {names[0] if names else 'content'} than the evidence"


@link(Kind.REGISTER)
def certificate(case: Case) -> Iterator[str]:
    """The certificate is of this tree, and vouches for every output."""
    yield from certified.problems(case.said("certificate"), case.commit)


@link(Kind.REGISTER)
def bytes_kept(case: Case) -> Iterator[str]:
    """The bundle's bytes are those that were registered."""
    md5, sha256 = case.said("bundle", "md5"), case.said("bundle", "sha256")
    found = [*_kept(case, md5)] if isinstance(md5, str) else []
    if not found:
        raise NotAtHand("the bundle's bytes are not at hand. Next: audit the study, after dvc pull")
    for path in found:
        if path not in case.shared.hashed:
            case.shared.hashed[path] = _hashes(path)
        if case.shared.hashed[path] != (md5, sha256):
            yield f"the bundle's bytes were swapped: those that DVC keeps as {md5} are others"


def _kept(case: Case, md5: str) -> Iterator[Path]:
    for folder in case.shared.store.folders if case.shared.store else ():
        path = folder / "files/md5" / md5[:2] / md5[2:]
        if path.is_file():
            yield path


def _hashes(path: Path) -> tuple[str, str]:
    """Return MD5 and sha256: two files of one MD5 can be made."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            md5.update(block)
            sha256.update(block)
    return md5.hexdigest(), sha256.hexdigest()
