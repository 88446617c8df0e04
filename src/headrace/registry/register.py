"""`headrace register`: a version of the model, from a commit that is proved to reproduce."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headrace.bundle import archive
from headrace.core import dvc_cache, git, identity, lockfile, states
from headrace.core.artifact import Artifact
from headrace.core.git import Objects
from headrace.core.lockfile import File
from headrace.core.project import Project
from headrace.errors import HeadraceError, ProjectError
from headrace.registry import certificate as certified
from headrace.registry import event_log, tags, version_bump
from headrace.registry.event_log import Ledger
from headrace.registry.evidence import lookup
from headrace.registry.snapshot import Reader, Snapshot
from headrace.registry.tags import Kind, Name, Version


def register(project: Project, artifact: Artifact, *, bump: str | None, dry: bool) -> list[str]:
    """Register what HEAD holds as the next version; return what to print. `dry`: propose only.

    Errors:
        HeadraceError: the tree is not clean, dvc.lock is behind, there is no certificate of it, the
            bundle is not at hand, or is registered already.
    """
    head = _clean_head(project.root)
    _refuse_behind(project)
    with Objects(project.root) as objects:
        held = Reader(objects, artifact.prefix).read([head])[head]
        book = event_log.load(project.root, objects, artifact.name)
    md5 = _recorded(artifact, held)
    _refuse_same(book, head, md5)
    path = _bytes(project.root, artifact.path, md5)
    certificate = _certificate(project.root, held)
    new = version_bump.read(path, artifact.path)
    version, why = _next(book, new, bump)
    lines = [f"{artifact.name} {version}: {why}."]
    if dry:
        return [*lines, "Nothing was registered. Next: headrace register"]
    content = {
        **_vouched(held, {"path": artifact.path, "md5": md5, **_measured(path)}, certificate),
        "action": "register",
        "artifact": artifact.name,
        "version": str(version),
        "why": why,
        "parts": new,
        "by": identity.committer(project.root).person.as_json(),
    }
    name = Name(artifact.name, Kind.REGISTER, version=str(version))
    if any(one.tag == str(name) for one in book.events):
        raise HeadraceError(f"The tag {name} is there, and no event. Next: git tag --delete {name}")
    subject = f"Register {artifact.name} {version}"
    sign = event_log.signs(project.root, demanded=False)
    event_log.add(book, name, head, subject, content, sign=sign)
    return [*lines, *told(str(name), sign=sign)]


def _vouched(held: Snapshot, bundle: dict[str, Any], certificate: object) -> dict[str, Any]:
    """Return the part of the evidence that an audit holds against the commit."""
    return {
        "commit": held.commit,
        "tree": held.tree,
        lockfile.NAME: held.lock,
        "bundle": bundle,
        "certificate": certificate,
        "metrics": {file: dict(one.numbers) for file, one in held.metrics.items() if one},
        "parameters": dict(held.parameters),
        "author": held.author.person.as_json(),
    }


def told(tag: str, *, sign: bool) -> Iterator[str]:
    """Yield what is said of a new tag, and how others get it."""
    yield f"Tag {tag}{', signed' if sign else ''}. Next: git push origin '{tag}'"


def _clean_head(root: Path) -> str:
    if not git.is_repository(root):
        raise ProjectError(f"{root} is in no git repository. Next: git init -b main")
    git.head_tree(root)  # or there is no commit
    if git.is_dirty(root):
        raise HeadraceError(
            "The working tree is not as committed, and what is registered is a commit."
            " Next: git status, and git commit or git stash --include-untracked"
        )
    return states.resolve(root, "HEAD") or ""


def _refuse_behind(project: Project) -> None:
    """Raise an error where dvc.lock is behind the study, even where that rule is ignored."""
    from headrace.lint.cache import HashCache
    from headrace.lint.context import Study
    from headrace.lint.locks import lock_behind

    behind = next(lock_behind(Study(project, HashCache(project.root))), None)
    if behind is not None:
        problem = f"stage {behind.values['stage']} is behind: {behind.values['what']}"
        raise ProjectError(
            f"{behind.location}: {problem}. Next: make repro, and commit what it changed"
        )


def _recorded(artifact: Artifact, held: Snapshot) -> str:
    """Return the MD5 of the bundle in dvc.lock."""
    if held.problems:
        raise ProjectError(f"HEAD cannot be registered: {held.problems[0]}")
    md5 = held.outs.get(artifact.path)
    if not md5 or md5.endswith(lockfile.FOLDER):
        what = "no file" if md5 else "nothing"
        raise ProjectError(
            f"{lockfile.NAME} records {what} of {artifact.path}, the artifact {artifact.name} of"
            " dvc.yaml. Next: make it an out of a stage, make repro, and commit"
        )
    return md5


def _refuse_same(book: Ledger, head: str, md5: str) -> None:
    for version, event in book.state.versions.items():
        if event.commit == head or lookup(event.evidence, "bundle", "md5") == md5:
            what = "This commit" if event.commit == head else "The same bundle"
            raise HeadraceError(
                f"{what} is registered already, as {book.artifact}@{version}."
                f" Next: headrace promote {version} --to STAGE"
            )


def _bytes(root: Path, path: str, md5: str) -> Path:
    """Return the bundle's file in DVC's cache or in a remote that is a folder, true to its MD5."""
    found = dvc_cache.store_of(root).find(File(path, md5, 0))
    if found is None:
        raise ProjectError(f"{path} is not in DVC's cache. Next: dvc pull {path}, or make repro")
    if lockfile.md5(found) != md5:
        raise ProjectError(
            f"The bytes of {path} in DVC's cache are others than {lockfile.NAME} says."
            f" Next: rm {found}, and make repro"
        )
    return found


def _certificate(root: Path, held: Snapshot) -> dict[str, Any]:
    found = certified.find(root, held.tree)
    if found is None:
        raise ProjectError(
            f"This tree ({held.tree[:10]}) has no certificate that it reproduces. Next: make verify"
        )
    for problem in certified.problems(found, held):
        raise ProjectError(f"The certificate does not do: {problem}. Next: make verify")
    return found


def _measured(path: Path) -> dict[str, Any]:
    return {"sha256": archive.sha256_of_file(path), "size": path.stat().st_size}


def _next(book: Ledger, new: dict[str, Any], bump: str | None) -> tuple[Version, str]:
    """Return the version to give, and why; a bump may raise what is proposed, never lower it."""
    known = {tags.version(name): event for name, event in book.state.versions.items()}
    last = max((one for one in known if one is not None), default=None)
    old = lookup(known[last].evidence, "parts") if last else None
    proposed, why = version_bump.propose(last, old, new)
    asked = last.bump(bump) if last and bump else proposed
    if asked < proposed:
        raise HeadraceError(
            f"--bump {bump} gives {asked}, and the next version is {proposed} at least: {why}."
            " Next: leave --bump out"
        )
    return asked, why if asked == proposed else f"{why}; raised by --bump {bump}"
