"""What went into two states: parameters, commits, and files with the stages that they feed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from headrace.compare.model import Commit, FileChange, ParameterChange
from headrace.core import git
from headrace.core.entry import Param
from headrace.core.metrics import is_same, leaves
from headrace.core.param_files import parse, values
from headrace.core.stage import PARAMS as PARAMETERS
from headrace.core.stage import Stage, group_of
from headrace.core.states import State
from headrace.errors import ProjectError

FIELDS = "%H%x00%an%x00%aI%x00%s"
PLAIN = ("--no-color", "--no-ext-diff", "--relative", "-z")


def parameter_changes(old: State, new: State) -> tuple[ParameterChange, ...]:
    """Return the values of params.yaml that differ between the states; a list is one value.

    1 differs from 1.0 and from true, as it does for a stage. After them come those of other files
    that stages list, each with its file's name.
    """
    before, after = (dict(_values(state)) for state in (old, new))
    return tuple(
        ParameterChange(name, before.get(name), after.get(name))
        for name in dict.fromkeys([*before, *after])
        if not is_same(before.get(name), after.get(name))
    )


def _values(state: State) -> Iterator[tuple[str, Any]]:
    yield from leaves(state.params, empty=True)
    files = [path for s in state.stages.values() for path in _other_parameter_files(s)]
    files += [path for p in state.pipelines for path in p.params if path != PARAMETERS]
    for path in dict.fromkeys(files):
        with suppress(ProjectError):  # `headrace check` reports what cannot be read
            content = parse(state.read(path) or b"{}", path)
            yield from ((f"{path}:{name}", v) for name, v in leaves(content, empty=True))


def commits_between(old: State, new: State) -> tuple[Commit, ...]:
    """Return the commits of the new state that the old one lacks, the newest first.

    Where the new state is the working tree, up to the last commit.
    """
    if old.commit is None:
        return ()
    span = f"{old.commit}..{new.commit or 'HEAD'}"
    options = ("--no-color", "--no-show-signature", "-z", f"--format={FIELDS}")
    fields = git.run(new.root, "log", *options, span, "--", ".").rstrip("\0").split("\0")
    if len(fields) < 4:
        return ()
    texts = [_as_utf8(text) for text in fields]
    return tuple(Commit(*texts[at : at + 4]) for at in range(0, len(texts), 4))


def file_changes(old: State, new: State) -> tuple[FileChange, ...]:
    """Return the files that differ, each with the stages that it feeds directly.

    A stage is fed by its deps, by those of its parameters that changed and by its own entry in
    dvc.yaml.
    """
    feeds = _feeds(old, new)
    return tuple(
        FileChange(_as_utf8(path), status, _stages(path, source, feeds))
        for status, path, source in _changed_files(old, new)
    )


def _changed_files(old: State, new: State) -> Iterator[tuple[str, str, str]]:
    """Yield status, path and former path (the same, if not renamed) of each changed file."""
    # Of one commit git shows what the working tree changed since.
    ends = [old.commit or "HEAD", *([new.commit] if new.commit else [])]
    listed = git.run(new.root, "diff", "--name-status", "-M", *PLAIN, *ends, "--", ".")
    entries = iter(listed.split("\0"))
    for status in entries:
        if status:
            source = next(entries)
            path = next(entries) if status[0] in "RC" else source
            yield status[0], path, source
    if new.commit is None:  # `git diff` leaves out files that git does not track yet
        untracked = git.run(new.root, "ls-files", "--others", "--exclude-standard", "-z")
        yield from (("A", path, path) for path in untracked.split("\0") if path)


def _stages(path: str, source: str, feeds: dict[str, set[str]]) -> tuple[str, ...]:
    """Return the stages that list a file, its former path or a folder that it is in."""
    fed = {
        stage
        for dep, stages in feeds.items()
        for name in (path, source)
        if name == dep or name.startswith(f"{dep.rstrip('/')}/")
        for stage in stages
    }
    return tuple(sorted(fed))


def _feeds(old: State, new: State) -> dict[str, set[str]]:
    """Return the stages that each file feeds, by dvc.yaml and by dvc.lock, which has plain paths.

    A file that fills templates feeds those that came out otherwise.
    """
    feeds: defaultdict[str, set[str]] = defaultdict(set)
    for state in (old, new):
        for stage in state.stages.values():
            for path in [*(dep.path for dep in stage.deps), *_other_parameter_files(stage)]:
                feeds[path].add(stage.group)
        for name, record in state.lock.items():
            for file in record.deps:
                feeds[file.path].add(group_of(name))
    before, after = old.stages, new.stages
    for name in {*before, *after}:
        stages = before.get(name), after.get(name)
        group = next(stage for stage in stages if stage).group
        if _body(stages[0]) != _body(stages[1]):
            for path in _sources(stages, (old, new)):
                feeds[path].add(group)
        if _parameters(stages[0], old) != _parameters(stages[1], new):
            feeds[PARAMETERS].add(group)
    return feeds


def _body(stage: Stage | None) -> dict[str, Any] | None:
    return stage.body if stage else None


def _sources(stages: Iterable[Stage | None], states: Iterable[State]) -> Iterator[str]:
    """Yield the files that make a stage what it is: its pipeline file, and what fills templates."""
    for stage in filter(None, stages):
        yield stage.file
        if stage.definition:
            yield PARAMETERS
            for state in states:
                yield from (path for p in state.pipelines for path in p.vars_files)


def _params(stage: Stage) -> list[Param]:
    with suppress(ProjectError):  # `headrace check` reports what is none
        return stage.params
    return []


def _other_parameter_files(stage: Stage) -> list[str]:
    """Return the parameter files of a stage other than params.yaml."""
    return [param.file for param in _params(stage) if param.file != PARAMETERS]


def _parameters(stage: Stage | None, state: State) -> dict[str, object]:
    """Return the values in params.yaml of the parameters that a stage lists."""
    params = _params(stage) if stage is not None else []
    listed = [param for param in params if param.file == PARAMETERS]
    return {name: value for (_, name), value in values(listed, {PARAMETERS: state.params}).items()}


def _as_utf8(text: str) -> str:
    """Return text that can be written as UTF-8: a name in git may hold any bytes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
