"""The two states of a study to compare, commits or the working tree, and their files."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from headrace.core import git, pipeline, yaml
from headrace.core.git import Objects
from headrace.core.lockfile import File, Record
from headrace.core.pipeline import Pipeline
from headrace.core.project import Project
from headrace.core.stage import BACKTEST, PARAMS, Stage
from headrace.errors import ProjectError, nearest

WORKING_TREE = "the working tree"
SHORT = 10
"""Digits of a commit's hash that are shown."""


@dataclass(frozen=True)
class State:
    """The study at one moment: `commit` is its hash, or None for the files as they are now.

    `name` is its name in messages, `why` the reason why it was chosen.
    """

    root: Path
    name: str
    commit: str | None
    why: str
    objects: Objects = field(repr=False)
    _blobs: dict[str, bytes | None] = field(default_factory=dict, repr=False)

    def read(self, path: str) -> bytes | None:
        """Return the content of a file by its path from the study on, or None."""
        if path not in self._blobs:
            self._blobs[path] = self._read(path)
        return self._blobs[path]

    def _read(self, path: str) -> bytes | None:
        if self.commit is not None:
            return self.objects.read(f"{self.commit}:{self._prefix}{path}")
        file = self.root / path
        return file.read_bytes() if file.is_file() else None

    def read_output(self, path: str) -> bytes | None:
        """Return the content of a file; of an output that is in DVC's cache alone, from there."""
        content = self.read(path)
        if content is None:
            from headrace.core import dvc_cache

            file = dvc_cache.store_of(self.root).find_output(self._outs, path)
            return file.read_bytes() if file else None
        return content

    @cached_property
    def _outs(self) -> list[File]:
        """The outputs that its dvc.lock records; none where that is broken, as others report."""
        with suppress(ProjectError):
            return [out for record in self.lock.values() for out in record.outs]
        return []

    @cached_property
    def metrics_files(self) -> list[str]:
        """Its metrics files, without those of costs; of a folder, the files in it."""
        listed = pipeline.metrics_files(self.pipelines)
        return [file for path in listed for file in self.files_in(path) or [path]]

    def files_in(self, folder: str) -> list[str]:
        """Return the files in a folder; none where there is no such folder."""
        if self.commit is None:
            paths = sorted(path for path in (self.root / folder).rglob("*") if path.is_file())
            return [path.relative_to(self.root).as_posix() for path in paths]
        if tracked := [file for file in self.files if file.startswith(f"{folder}/")]:
            return tracked
        from headrace.core import dvc_cache

        outs = [out for out in self._outs if out.path == folder and out.is_folder]
        return [file.path for file in dvc_cache.store_of(self.root).files(outs)]

    @cached_property
    def _prefix(self) -> str:
        """The path from the repository's top to the study: git names objects from the top."""
        return git.prefix(self.root)

    @cached_property
    def files(self) -> list[str]:
        """The files that git tracks in it, by their paths from the study on."""
        if self.commit is None:
            return [name for name in git.tracked(self.root) if (self.root / name).is_file()]
        listed = git.run(self.root, "ls-tree", "-r", "-z", "--name-only", self.commit, ".")
        return [name for name in listed.split("\0") if name]

    @cached_property
    def lock(self) -> dict[str, Record]:
        """The records of its dvc.lock; none where it has no dvc.lock."""
        return pipeline.records(self.pipelines, self.read)

    @cached_property
    def pipelines(self) -> list[Pipeline]:
        """Its dvc.yaml, and the pipeline files beside it but for the backtest's."""
        if self.commit is None:
            names = pipeline.names(self.root)
        else:
            names = pipeline.names_in(self.files, self.read(pipeline.IGNORE))
        return [
            Pipeline(self._yaml(name, json_only=False), name, self.read)
            for name in names
            if name != BACKTEST
        ]

    @property
    def stages(self) -> dict[str, Stage]:
        """The stages of its pipeline files."""
        return pipeline.stages_of(self.pipelines)

    @cached_property
    def params(self) -> dict[str, Any]:
        """The content of its params.yaml; empty where it has none."""
        return self._yaml(PARAMS)

    def _yaml(self, name: str, *, json_only: bool = True) -> dict[str, Any]:
        text = self.read(name)
        if text is None:
            return {}
        try:
            return _parse(text, name, json_only=json_only)
        except ProjectError:  # the message says of which state
            return yaml.parse(text, f"{name} of {self.name}", json_only=json_only)


@lru_cache(maxsize=8)
def _parse(text: bytes, name: str, *, json_only: bool) -> dict[str, Any]:
    """Return the content of a file; most files are the same in both states."""
    return yaml.parse(text, name, json_only=json_only)


def pair(project: Project, names: Iterable[str], objects: Objects) -> tuple[State, State]:
    """Return the two states to compare, of none, one or two revisions' names.

    None: where the branch left the main branch, against the working tree; on the main branch
    itself the last commit, or, where nothing has changed since, the one before it. One: that
    revision against the working tree.

    Errors:
        ProjectError: there is no such revision (nearest names are shown), no commit, or no common
            ancestor.
    """
    revisions = [*names]
    now = State(project.root, WORKING_TREE, None, "the files as they are", objects)
    if not git.is_repository(project.root):
        raise ProjectError(
            f"{project.root} is in no git repository, so there is nothing to compare with."
            " Next: git init -b main && git add . && git commit -m 'Begin'"
        )
    if not revisions:
        return _before(project.root, objects), now
    states = [_state(project.root, name, objects) for name in revisions]
    return (states[0], states[1]) if len(states) > 1 else (states[0], now)


def _before(root: Path, objects: Objects) -> State:
    """Return the state that the working tree is compared with by default."""
    main = _main_branch(root)
    head = resolve(root, "HEAD")
    if head is None:
        raise ProjectError("There is no commit to compare with. Next: git add . && git commit")
    base = _merge_base(root, main) if main is not None else head
    if base != head:
        return State(root, base[:SHORT], base, f"where this branch left {main}", objects)
    if git.is_dirty(root):
        return State(root, "HEAD", head, "the last commit", objects)
    parent = resolve(root, "HEAD~1")
    if parent is None:
        raise ProjectError(
            "This is the first commit, and nothing has changed since: there is nothing to compare."
            " Next: change something, or name two revisions"
        )
    why = "the commit before, since nothing has changed since the last"
    return State(root, "HEAD~1", parent, why, objects)


def _merge_base(root: Path, main: str) -> str:
    try:
        return git.run(root, "merge-base", main, "HEAD").strip()
    except ProjectError:
        shallow = git.is_shallow(root)
        step = "git fetch --unshallow" if shallow else "headrace diff A B, with two revisions"
        raise ProjectError(f"{main} and HEAD have no common ancestor here. Next: {step}") from None


def _main_branch(root: Path) -> str | None:
    """Return the main branch, where there is one.

    Where it is checked out, it is itself, pushed or not. Elsewhere the remote's comes first: the
    local one may be behind. A checkout in CI may have neither main nor origin/HEAD.
    """
    # The file itself: `git symbolic-ref` fails where no branch is checked out, as it is in CI.
    path = root / git.run(root, "rev-parse", "--git-path", "HEAD").rstrip("\n")
    head = path.read_text("utf-8").strip()
    if head in ("ref: refs/heads/main", "ref: refs/heads/master"):
        return head.removeprefix("ref: refs/heads/")
    for name in ("origin/HEAD", "main", "master", "origin/main", "origin/master"):
        if resolve(root, name) is not None:
            return name
    return None


def _state(root: Path, name: str, objects: Objects) -> State:
    commit = require(root, name)
    return State(root, name[:SHORT] if name == commit else name, commit, "as asked", objects)


def require(root: Path, name: str) -> str:
    """Return the hash of the commit that a revision or an experiment names.

    Errors:
        ProjectError: there is none; nearest names are shown.
    """
    commit = resolve(root, name)
    experiments = {} if commit else _experiments(root)
    commit = commit or experiments.get(name)
    if commit is None:
        refs = git.run(root, "for-each-ref", "--format=%(refname:short)").split()
        near = nearest(name, [*refs, *experiments, "HEAD"])
        shallow = git.is_shallow(root)
        step = "git fetch --unshallow" if shallow else "git branch --all, git tag or git log"
        raise ProjectError(f"git knows no revision {name!r}.{near} Next: {step}")
    return commit


def _experiments(root: Path) -> dict[str, str]:
    """Return the commits of DVC's experiments by their names; of equal names the newest."""
    # DVC's refs are refs/exps/<two digits>/<the other 38>/<name>, below the commit they begin at.
    fields = "--format=%(objectname) %(refname:lstrip=4)"
    listed = git.run(root, "for-each-ref", "--sort=committerdate", fields, "refs/exps/*/*/*")
    pairs = (line.split(" ", 1) for line in listed.splitlines())
    return {name: commit for commit, name in pairs}


def resolve(root: Path, name: str) -> str | None:
    """Return the hash of a commit; None where git knows none of that name."""
    if not name or name.startswith("-"):  # git would take it for an option
        return None
    try:
        return git.run(root, "rev-parse", "--verify", "--quiet", name + "^{commit}").strip()
    except ProjectError:
        return None
