"""`headrace register`: a version of the model, from a commit that is proved to reproduce."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.bundle import archive
from headrace.bundle import load as bundle
from headrace.core import artifact as artifacts
from headrace.core import dvc_cache, git, identity, lockfile, states
from headrace.core.artifact import Artifact
from headrace.core.git import Objects
from headrace.core.lockfile import File
from headrace.core.project import Project
from headrace.errors import DataError, HeadraceError, ProjectError
from headrace.registry import event_log, tags
from headrace.registry.checks import certificate_problems
from headrace.registry.event_log import EventLog
from headrace.registry.events import evidence_at
from headrace.registry.snapshot import Snapshot, SnapshotReader
from headrace.registry.tags import Kind, Name, Version
from headrace.verify import certificate as certificates

LEVELS = ("patch", "minor", "major")
# With another schema a caller must send other rows; the rest changes the answers alone.
BUMPS = {"schema": "major", "features": "minor", "data": "minor", "parameters": "patch"}
"""The part of a bundle that changed, and the part of the version number that it raises."""
FIRST = Version(1, 0, 0)
Parts = Mapping[str, Any]


def register(project: Project, *, artifact: str | None, bump: str | None, dry_run: bool) -> None:
    """Register what HEAD holds as the next version; with `dry_run` only propose it.

    Errors:
        HeadraceError: the tree is not clean, dvc.lock is out of date, the certificate or the bundle
            is missing, or it is registered already.
    """
    # What is quick to refuse comes first: the bundle may have gigabytes.
    selected = artifacts.select(project, artifact)
    head = _clean_head(project.root)
    _refuse_stale_lock(project)
    with Objects(project.root) as objects:
        snapshot = SnapshotReader(objects, selected.prefix).read([head])[head]
        log = event_log.load(project.root, objects, selected.name)
    md5 = _recorded_md5(selected, snapshot)
    _refuse_registered(log, head, md5)
    path = _bundle_file(project.root, selected.path, md5)
    certificate = _valid_certificate(project.root, snapshot)
    parts = read_parts(path, selected.path)
    version, why = _next_version(log, parts, bump)
    print(f"{selected.name} {version}: {why}.")
    if dry_run:
        print("Nothing was registered. Next: headrace register")
        return
    name = Name(selected.name, Kind.REGISTER, version=str(version))
    _refuse_tag(log, name)
    evidence = {
        **_commit_evidence(snapshot),
        "bundle": {"path": selected.path, "md5": md5, **_measure(path)},
        "certificate": certificate,
        "action": "register",
        "artifact": selected.name,
        "version": str(version),
        "why": why,
        "parts": parts,
        "by": identity.committer(project.root).person.as_json(),
    }
    print(event_log.append(log, name, head, f"Register {selected.name} {version}", evidence))


def _refuse_tag(log: EventLog, name: Name) -> None:
    """Refuse a tag that exists, such as a lightweight one, which is no event."""
    if any(event.tag == str(name) for event in log.events):
        step = f"git tag --delete {name}"
        raise HeadraceError(f"The tag {name} exists, without an event. Next: {step}")


def _measure(path: Path) -> dict[str, Any]:
    return {"sha256": archive.sha256_of_file(path), "size": path.stat().st_size}


def _commit_evidence(snapshot: Snapshot) -> dict[str, Any]:
    """Return the part of the evidence that an audit compares with the commit."""
    return {
        "commit": snapshot.commit,
        "tree": snapshot.tree,
        lockfile.NAME: snapshot.lock,
        "metrics": {
            file: dict(metrics.numbers) for file, metrics in snapshot.metrics.items() if metrics
        },
        "parameters": dict(snapshot.parameters),
        "author": snapshot.author.person.as_json(),
    }


def _clean_head(root: Path) -> str:
    if not git.is_repository(root):
        raise ProjectError(f"{root} is not in a git repository. Next: git init -b main")
    git.head_tree(root)  # or there is no commit
    if git.is_dirty(root):
        raise HeadraceError(
            "The working tree has changes, and a version is a commit."
            " Next: git status, and git commit or git stash --include-untracked"
        )
    return states.resolve(root, "HEAD") or ""


def _refuse_stale_lock(project: Project) -> None:
    """Refuse a dvc.lock that is out of date, even where the study ignores that rule."""
    from headrace.lint.cache import Cache
    from headrace.lint.context import Study
    from headrace.lint.locks import lock_behind

    behind = next(lock_behind(Study(project, Cache(project.root))), None)
    if behind is not None:
        problem = f"stage {behind.values['stage']} is behind: {behind.values['problem']}"
        step = "make repro, and commit what it changed"
        raise ProjectError(f"{behind.location}: {problem}. Next: {step}")


def _recorded_md5(artifact: Artifact, snapshot: Snapshot) -> str:
    """Return the MD5 of the bundle in dvc.lock."""
    if snapshot.problems:
        raise ProjectError(f"HEAD cannot be registered: {snapshot.problems[0]}")
    md5 = snapshot.outs.get(artifact.path)
    if not md5 or md5.endswith(lockfile.FOLDER):
        problem = "is a folder" if md5 else "is not in"
        raise ProjectError(
            f"{artifact.path}, the artifact {artifact.name} of dvc.yaml, {problem} {lockfile.NAME}."
            " Next: make it an out of a stage, make repro, and commit"
        )
    return md5


def _refuse_registered(log: EventLog, head: str, md5: str) -> None:
    # Two versions of one bundle could not be told apart by what serves them.
    for version, event in log.state.versions.items():
        if event.commit == head or evidence_at(event.evidence, "bundle", "md5") == md5:
            subject = "This commit" if event.commit == head else "The same bundle"
            raise HeadraceError(
                f"{subject} is registered already, as {log.artifact}@{version}."
                f" Next: headrace promote {version} --to STAGE"
            )


def _bundle_file(root: Path, path: str, md5: str) -> Path:
    """Return the bundle in DVC's cache or in a remote that is a folder, its MD5 verified."""
    file = dvc_cache.store_of(root).find(File(path, md5, 0))
    if file is None:
        raise ProjectError(
            f"{path} is not in DVC's cache. Next: dvc pull {shlex.quote(path)}, or make repro"
        )
    if lockfile.md5(file) != md5:
        raise ProjectError(
            f"The bytes of {path} in DVC's cache do not match {lockfile.NAME}."
            f" Next: rm {shlex.quote(str(file))}, and make repro"
        )
    return file


def _valid_certificate(root: Path, snapshot: Snapshot) -> dict[str, Any]:
    try:
        file = root / certificates.FOLDER / f"{snapshot.tree}.json"
        certificate = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        certificate = None
    if not isinstance(certificate, dict):
        raise ProjectError(
            f"This tree ({snapshot.tree[:10]}) has no certificate that it reproduces."
            " Next: make verify"
        )
    # The same checks as in an audit, so that no version is registered that fails it.
    for problem in certificate_problems(certificate, snapshot):
        raise ProjectError(f"The certificate is not valid: {problem}. Next: make verify")
    return certificate


def read_parts(path: Path, name: str) -> dict[str, Any]:
    """Return what decides on a version's number: hashes of schema, features, data, parameters.

    `name` is the bundle's name in messages: in DVC's cache a file is named by its hash.

    Errors:
        DataError: it is not a valid bundle.
    """
    try:
        manifest = bundle.read_manifest(path)
    except DataError as error:
        raise DataError(f"{name} cannot be registered: {error}") from None
    return {
        "schema": evidence_at(manifest, "files", "schema.json"),
        "features": manifest.get("feature_code"),
        "data": manifest.get("data"),
        "parameters": manifest.get("parameters"),
    }


def _next_version(log: EventLog, parts: Parts, bump: str | None) -> tuple[Version, str]:
    """Return the next version, and why; `bump` may raise the proposal, never lower it."""
    events = {tags.version(name): event for name, event in log.state.versions.items()}
    # The greatest, not the newest: other tools may register a patch of an old version later.
    last = max((version for version in events if version is not None), default=None)
    old = evidence_at(events[last].evidence, "parts") if last else None
    proposed, why = propose_version(last, old, parts)
    version = last.bump(bump) if last and bump else proposed
    if version < proposed:
        raise HeadraceError(
            f"--bump {bump} gives {version}, and the next version is {proposed} at least: {why}."
            " Next: leave --bump out"
        )
    return version, why if version == proposed else f"{why}; raised by --bump {bump}"


def propose_version(last: Version | None, old: Parts | None, new: Parts) -> tuple[Version, str]:
    """Return the next version, and why: by the part with the greatest weight that changed."""
    if last is None:
        return FIRST, "the first version"
    if old is None:
        return last.bump("major"), f"{last} holds no evidence, so what changed is unknown"
    changed = [part for part in BUMPS if old.get(part) != new.get(part)]
    level = max((BUMPS[part] for part in changed), key=LEVELS.index, default="patch")
    names = " and ".join([", ".join(changed[:-1]), changed[-1]] if changed[1:] else changed)
    return last.bump(level), f"{names or 'the code or the environment'} changed since {last}"
