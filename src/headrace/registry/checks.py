"""Checks of the tags, and of the registrations against their commits.

A check yields problems. Its docstring is the message where there is none.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from headrace.bundle import archive
from headrace.core import lockfile
from headrace.errors import join_names
from headrace.registry.check import STAGED, Case, NotAvailable, check
from headrace.registry.events import evidence_at
from headrace.registry.snapshot import Snapshot
from headrace.registry.tags import Kind

ACTIONS = {
    Kind.REGISTER: ("register",),
    Kind.ASSIGN: ("promote", "rollback"),
    Kind.UNASSIGN: ("demote", "rollback"),
}
COPIED_EVIDENCE = ("tree", lockfile.NAME, "bundle", "certificate", "metrics", "author")
"""What the evidence of a stage change copies from the registration."""


@check()
def tag(case: Case) -> Iterator[str]:
    """The tag holds evidence that agrees with the tag's name."""
    event, name = case.event, case.event.name
    if event.evidence is None:
        yield event.problem
    if event.own_name not in ("", event.tag):
        yield f"the tag was renamed: it calls itself {event.own_name}"
    expected = {"artifact": name.artifact, "version": case.state.version(event)}
    expected |= {"stage": name.stage} if name.stage else {}
    for key, value in expected.items():
        if case.evidence(key) != value:
            yield f"its evidence says {key} {case.evidence(key)}, and the tag says {value}"
    if case.evidence("action") not in ACTIONS.get(name.kind, ()):
        yield f"its evidence is of another action: {case.evidence('action')}"


@check()
def previous(case: Case) -> Iterator[str]:
    """It follows the tag that its evidence names, and that tag is unchanged."""
    newest, recorded = case.state.newest, case.evidence("previous")
    if recorded == ({"tag": newest.tag, "object": newest.object} if newest else None):
        return
    name = evidence_at(recorded, "tag")
    before = case.shared.tags.get(name) if isinstance(name, str) else None
    if recorded is None and newest:
        yield f"its evidence says that it is the first, and {newest.tag} is before it"
    elif before is None:
        yield f"it follows {name}, and that tag is gone"
    elif before.object != evidence_at(recorded, "object"):
        yield f"it follows {name}, and that tag was replaced since"
    else:
        yield f"it follows {name}, and {newest.tag if newest else 'nothing'} is between them"


@check(*STAGED)
def counter(case: Case) -> Iterator[str]:
    """Its number follows the one before, and occurs once."""
    number, counters = case.event.name.counter, case.shared.counters
    if number is None:
        yield "it has no number"
        return
    # gto numbers the events of all stages together, so a gap is a tag that somebody deleted.
    if number > 1 and number - 1 not in counters:
        first = number - 1
        while first > 1 and first - 1 not in counters:
            first -= 1
        gap = f"#{first} is" if first == number - 1 else f"#{first} to #{number - 1} are"
        yield f"there is a gap before it: {gap} missing"
    if counters.get(number, 0) > 1:
        yield f"#{number} occurs {counters[number]} times"


@check()
def commit(case: Case) -> Iterator[str]:
    """The tag is on the commit that its evidence names."""
    if case.evidence("commit") != case.event.commit:
        recorded = str(case.evidence("commit"))[:10]
        yield f"the tag is on {case.event.commit[:10]}, and its evidence on {recorded}"
    if case.snapshot is None:
        yield f"git has no commit {case.event.commit[:10]}"


@check(Kind.REGISTER)
def tree(case: Case) -> Iterator[str]:
    """The commit holds the tree that was verified."""
    if case.evidence("tree") != case.commit.tree:
        recorded = str(case.evidence("tree"))[:10]
        yield f"the commit's tree is {case.commit.tree[:10]}, not {recorded}"


@check(Kind.REGISTER)
def lock(case: Case) -> Iterator[str]:
    """The commit's dvc.lock is the one that was registered."""
    if case.commit.problems:
        yield case.commit.problems[0]
    if case.evidence(lockfile.NAME) != case.commit.lock:
        yield f"the sha256 of {lockfile.NAME} is not the one in the evidence"


@check(Kind.REGISTER)
def bundle(case: Case) -> Iterator[str]:
    """dvc.lock records the bundle that was registered."""
    path, md5 = case.evidence("bundle", "path"), case.evidence("bundle", "md5")
    recorded = case.commit.outs.get(path) if isinstance(path, str) else None
    if recorded != md5 or md5 is None:
        yield f"{lockfile.NAME} records {path} as {recorded}, the evidence as {md5}"


@check(Kind.REGISTER)
def metrics(case: Case) -> Iterator[str]:
    """The metrics are those that dvc.lock records, and those of the evidence."""
    files = {file: values for file, values in case.commit.metrics.items() if values is not None}
    for file, values in files.items():
        if case.commit.outs.get(file, values.md5) != values.md5:
            yield f"{file} was edited: its MD5 is not the one in {lockfile.NAME}"
    yield from _metric_changes(
        case.evidence("metrics"), {file: dict(values.numbers) for file, values in files.items()}
    )


def _metric_changes(recorded: object, files: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    if recorded == files:
        return
    for file, numbers in files.items():
        for name, value in numbers.items():
            expected = evidence_at(recorded, file, name)
            if expected != value:
                yield f"{file}: {name} is {value} in the commit, and {expected} in the evidence"
    yield "the evidence has metrics that the commit does not have"


@check(Kind.REGISTER)
def parameters(case: Case) -> Iterator[str]:
    """The parameters are those of the commit."""
    recorded, params = case.evidence("parameters"), case.commit.parameters
    if recorded != params:
        evidence = recorded if isinstance(recorded, dict) else {}
        names = [name for name in {**params, **evidence} if evidence.get(name) != params.get(name)]
        yield f"{names[0] if names else 'content'} of params.yaml differs from the evidence"


@check(Kind.REGISTER)
def certificate(case: Case) -> Iterator[str]:
    """The certificate is of this tree, and covers every output."""
    yield from certificate_problems(case.evidence("certificate"), case.commit)


def certificate_problems(certificate: object, snapshot: Snapshot) -> Iterator[str]:
    """Yield why a certificate does not prove that a commit reproduces."""
    if not isinstance(certificate, dict):
        yield "there is no certificate"
        return
    if certificate.get("tree") != snapshot.tree:
        certified = str(certificate.get("tree"))[:10]
        yield f"the certificate is of tree {certified}, not {snapshot.tree[:10]}"
    # `is not True`: a forged certificate may hold any value that Python takes for true.
    if certificate.get("identical") is not True:
        yield "the certificate says that not every output was identical"
    if environment := certificate.get("environment"):
        yield f"it was verified where {environment}"
    if certificate.get(lockfile.NAME) != snapshot.lock:
        yield f"the certificate is of another {lockfile.NAME}"
    md5s = {
        str(evidence_at(out, "path")): evidence_at(out, "md5")
        for out in certified_outputs(certificate)
    }
    if missing := [path for path in snapshot.outs if path not in md5s]:
        yield f"the certificate does not cover {join_names(missing, 1)}"
    if changed := [path for path, md5 in snapshot.outs.items() if md5s.get(path, md5) != md5]:
        yield f"the certificate has another MD5 for {join_names(changed, 1)}"


def certified_outputs(certificate: object) -> list[object]:
    """Return the outputs of all stages in a certificate; none where it has another form."""
    stages = evidence_at(certificate, "stages")
    lists = [evidence_at(stage, "outputs") for stage in stages] if isinstance(stages, list) else []
    return [output for outputs in lists if isinstance(outputs, list) for output in outputs]


@check(Kind.REGISTER)
def bytes_kept(case: Case) -> Iterator[str]:
    """The bundle's bytes are those that were registered."""
    md5, sha256 = case.evidence("bundle", "md5"), case.evidence("bundle", "sha256")
    copies = [*_copies(case, md5)] if isinstance(md5, str) else []
    if not copies:
        raise NotAvailable(
            "the bundle's bytes are not available. Next: audit the study, after dvc pull"
        )
    for path in copies:
        if path not in case.shared.hashes:
            # Both, since two files of one MD5 can be made.
            case.shared.hashes[path] = (lockfile.md5(path), archive.sha256_of_file(path))
        if case.shared.hashes[path] != (md5, sha256):
            yield f"the bundle's bytes were replaced: the hashes of DVC's file {md5} do not match"


def _copies(case: Case, md5: str) -> Iterator[Path]:
    """Yield DVC's copies of a file, in its cache and in remotes that are folders."""
    for folder in case.shared.store.folders if case.shared.store else ():
        path = folder / "files/md5" / md5[:2] / md5[2:]
        if path.is_file():
            yield path


COMMIT_CHECKS = (commit, tree, lock, bundle, metrics, parameters, certificate)
REGISTRATION_CHECKS = (tag, *COMMIT_CHECKS)
"""The checks of a registration before a decision; `bytes_kept` reads the whole bundle."""
CHECKS = (tag, previous, counter, *COMMIT_CHECKS, bytes_kept)
